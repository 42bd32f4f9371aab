"""How Alembic reaches the keystore database: over the connection that it is handed."""

from alembic import context

from operate.tables import Keystore

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Keystore.metadata,
    transaction_per_migration=False,
    transactional_ddl=False,
)
context.run_migrations()
