"""Networks as plain Keras, the recipe, and the catalog."""
