"""How calls reach AWS: one module for each carrier, and the port they share."""
