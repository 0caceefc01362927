"""`/control`: the operators' socket, first up and last down, so that everything else can be looked into."""
