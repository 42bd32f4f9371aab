"""The HTTP door to the vault."""
