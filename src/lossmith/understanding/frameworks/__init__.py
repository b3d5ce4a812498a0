"""Tables about the frameworks and the faces: where they differ, how to port a loss, and which transformations work."""
