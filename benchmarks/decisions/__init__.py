"""What deciding costs, and whether a long past makes it dearer."""
