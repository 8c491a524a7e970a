"""The words of the grammar: how often each is said, what an adverb makes of an adjective, what suits which noun.

The adverbs' factors are ours, but for that of "not", -0.74, which is VADER's.
"""

HOW_OFTEN = {"staff": 0.3, "room": 0.3, "food": 0.25, "view": 0.15}  # reviews speak of a noun
HOW_COMMON = {"_": 0.45, "very": 0.25, "slightly": 0.12, "hardly": 0.05, "not": 0.13}
FACTORS = {"_": 1.0, "very": 1.3, "slightly": 0.6, "hardly": -0.3, "not": -0.74}
# Which adjectives are often said of a noun.  Ours, as is everything else in `first_law`.
SAID_OF = {
    "staff": "great superb lovely charming kind generous friendly good funny helpful nice calm warm tough odd crazy "
    "hostile lazy rude dreadful awful bad",
    "room": "great lovely charming good nice clean fresh calm okay warm gloomy noisy odd dirty dreadful awful gross "
    "bad",
    "food": "great superb lovely good nice fresh okay warm tough odd dreadful awful gross bad vile",
    "view": "great superb lovely charming good nice clean calm okay gloomy odd dreadful bad",
}
