"""Import times of every handler, from the layer as it is built, in fresh processes."""
