"""The loopback interface, on which pages are served to this machine alone."""

HOST = '127.0.0.1'
NAMES = (HOST, 'localhost')  # by which a browser on this machine calls it
