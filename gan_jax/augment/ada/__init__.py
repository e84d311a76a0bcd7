"""ADA's augmentation pipe: parameters are drawn, then given to pure transformations of images.

`pipe` has the ops. `geometry`, `colour`, `bands` and `corruption` each have the parameters of a
group of transformations, the neutral values of these, and the transformations themselves, which
draw nothing. Here images lie in [-1, 1], as in ADA.

Source: Karras et al. 2020 (2006.06676), appendix B, and its official code.
"""
