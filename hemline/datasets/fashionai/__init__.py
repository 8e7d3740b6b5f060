"""FashionAI's own layout: a csv row a picture, of one garment whose category it names; no boxes."""
