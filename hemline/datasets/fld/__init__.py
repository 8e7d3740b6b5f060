"""FLD's own layout: lists of all pictures, of their boxes, their landmarks and their splits."""
