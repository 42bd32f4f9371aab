"""How Alembic reaches the main database: over the connection that it is handed."""

from alembic import context

from operate.tables import Main

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Main.metadata,
    transaction_per_migration=False,
    transactional_ddl=False,
)
context.run_migrations()
