"""What is done for accounts beside their orders' way out, and may take as long as a venue takes to answer."""
