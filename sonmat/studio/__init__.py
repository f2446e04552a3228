"""The studio: a page on which settings are sliders and the network answers before you look away.

One process serves the page and imports neither Keras nor JAX; one trains, and is kept warm; one looks at what was trained.
"""
