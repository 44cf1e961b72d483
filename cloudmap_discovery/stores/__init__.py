"""Where records live: one module for each store, and the port they share."""
