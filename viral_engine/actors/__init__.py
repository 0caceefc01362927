"""The tree as folders: a node's path in the tree is its folder here, and each leaf's actor is in its actor.py."""
