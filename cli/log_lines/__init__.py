"""The commands `lines` and `format`: whether what a stage logs can be counted."""
