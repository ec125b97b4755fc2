"""DynamoDB: the tables' layout and a module for each kind of item."""
