"""FashionAI's layout: csv files of pictures, each of one garment whose category is known (docs/data.md)."""
