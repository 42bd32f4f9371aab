"""The terminal door to the vault."""
