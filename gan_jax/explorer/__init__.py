"""A trained generator to play with: directions, walks, films, and the page that shows them."""
