"""Messages and answers that cross a layer or a branch of the tree: frozen data, no behaviour."""
