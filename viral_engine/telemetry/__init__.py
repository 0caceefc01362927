"""What the daemon tells about itself: logs, the history of crashes, metrics, the watch over the loop."""
