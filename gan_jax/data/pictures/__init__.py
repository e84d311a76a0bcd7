"""Images of any origin: folders, zips and tars of image files, and arrays in a .npz."""
