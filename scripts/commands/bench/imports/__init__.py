"""How long handlers take to import, from the layer as it is built, in fresh processes."""
