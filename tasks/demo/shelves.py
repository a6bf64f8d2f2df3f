"""The vocabulary of the demo catalogue: what a restaurant-supply company sells, in which sizes and at what price.

Every kind has at least four versions, so that no two products in the default catalogue have the same name.
"""

CATEGORIES = (
    ("Cookware", "Pots, pans and lids for every burner."),
    ("Bakeware", "Sheet pans, molds and what keeps dough from sticking."),
    ("Knives and cutting", "Knives, boards and what keeps fingers safe."),
    ("Kitchen tools", "Tongs, ladles, whisks: the small things that are always missing."),
    ("Food storage", "Food pans, containers and labels."),
    ("Dinnerware", "Plates, bowls and cups that survive a dishwasher."),
    ("Glassware", "Glasses for the bar and the table."),
    ("Flatware", "Forks, knives and spoons by the dozen."),
    ("Disposables", "Take-out boxes, cups, napkins and wrap."),
    ("Cleaning", "Chemicals, mops and what the inspector looks at."),
    ("Small appliances", "Mixers, blenders and warmers with a plug."),
    ("Workwear and safety", "Aprons, gloves and mats."),
)

BRANDS = (
    "Harrow & Pike", "Stonemill", "Northgate", "Copperline", "Belmar", "Ashford Works", "Tallow Creek", "Ironwood",
    "Kestrel", "Graywater", "Plainfield", "Vesta Pro", "Redlock", "Maplewright", "Calder", "Quill & Co.",
    "Lodestar", "Fennimore", "Brightwater", "Oakhurst",
)  # fmt: skip

# Name, inches: length, width, height.
BOXES = (
    ("Small", 9, 6, 4),
    ("Medium", 16, 12, 10),
    ("Large", 24, 18, 16),
    ("Pan box", 26, 18, 8),
    ("Long box", 36, 8, 6),
)

# Category | code | noun | variants | sizes, smallest first | price of the smallest, US dollars | its weight, ounces |
# unit | box.
KINDS = """
1|STK|stock pot|Aluminum;Stainless;Induction|8 qt;12 qt;20 qt;32 qt;60 qt|38.00|72|each|3
1|SAU|sauce pan|Aluminum;Stainless;Tri-ply|1.5 qt;2.75 qt;4.5 qt;7 qt|14.50|28|each|2
1|FRY|fry pan|Aluminum;Non-stick;Carbon steel;Stainless|8 in;10 in;12 in;14 in|12.90|22|each|2
1|SKL|skillet|Cast iron;Pre-seasoned iron|6.5 in;8 in;10.25 in;12 in|11.40|40|each|2
1|BRZ|brazier with lid|Aluminum;Stainless|11 qt;15 qt;24 qt;35 qt|61.00|130|each|3
1|WOK|wok|Carbon steel;Hand-hammered|12 in;14 in;16 in;20 in|16.80|44|each|3
1|ROA|roasting pan|Aluminum;Stainless|13 in;16 in;20 in;24 in|24.60|64|each|4
1|LID|pot cover|Aluminum;Stainless|8 in;10 in;12 in;16 in|7.20|14|each|2
1|STR|steamer basket|Bamboo;Stainless|8 in;10 in;12 in;14 in|9.75|18|each|2
2|SHP|sheet pan|18 gauge;16 gauge;Perforated|quarter size;half size;two-thirds size;full size|5.40|14|each|4
2|CAK|cake pan|Aluminum;Non-stick|6 in;8 in;9 in;10 in;12 in|4.85|9|each|2
2|MUF|muffin pan|Aluminized;Non-stick|6 cup;12 cup;24 cup;35 cup|9.60|17|each|4
2|LOA|loaf pan|Aluminized;Folded tin|0.5 lb;1 lb;1.5 lb;2 lb|5.95|11|each|2
2|PIE|pie pan|Aluminum;Deep-dish|7 in;8 in;9 in;10 in|2.85|5|each|2
2|PZZ|pizza pan|Coupe;Wide-rim;Perforated|10 in;12 in;14 in;16 in|4.10|10|each|4
2|PEE|pizza peel|Wood;Aluminum|12 in;14 in;16 in;18 in|14.20|30|each|5
2|COO|cooling rack|Chrome;Stainless|quarter size;half size;full size;26 in|6.70|18|each|4
2|PAR|parchment sheets|Bleached;Unbleached|quarter size;half size;full size;full size, heavy|19.90|90|case of 1,000|4
3|CHF|chef’s knife|Stamped;Forged;High-carbon|6 in;8 in;10 in;12 in|16.40|7|each|1
3|BRD|bread knife|Curved;Straight;Offset|7 in;8 in;9 in;10 in|13.80|6|each|1
3|PRG|paring knife|Straight;Serrated;Bird’s-beak|3 in;3.25 in;3.5 in;4 in|4.20|2|each|1
3|BON|boning knife|Flexible;Stiff|5 in;6 in;7 in;8 in|14.10|5|each|1
3|CLV|cleaver|Light;Heavy|6 in;7 in;8 in;9 in|21.00|18|each|1
3|CUT|cutting board|White;Green;Red;Wooden|12 × 18 in;15 × 20 in;18 × 24 in;24 × 36 in|12.60|70|each|4
3|STL|sharpening steel|Regular;Diamond|8 in;10 in;12 in;14 in|11.90|12|each|1
3|SHR|kitchen shears|Take-apart;Poultry|7 in;8 in;9 in;10 in|9.30|6|each|1
3|MND|mandoline|Plastic;Stainless|3.5 in;5 in;6 in;8 in|29.00|36|each|2
4|TNG|tongs|Utility;Coated-grip;Scalloped|7 in;9.5 in;12 in;16 in|2.35|5|each|1
4|LDL|ladle|One-piece;Coated-grip|2 oz;4 oz;6 oz;8 oz;12 oz|3.10|6|each|1
4|WHK|whisk|French;Piano;Balloon|10 in;12 in;14 in;18 in|4.60|6|each|1
4|SPN|basting spoon|Solid;Slotted;Perforated|11 in;13 in;15 in;18 in|2.20|5|each|1
4|TRN|turner|Solid;Slotted;Fish|6 in;8 in;10 in;12 in|5.15|7|each|1
4|SPT|rubber spatula|High-heat;Standard|9.5 in;13.5 in;16.5 in;20 in|3.40|3|each|1
4|SCO|portion scoop|Round;Squeeze|1 oz;1.6 oz;2.75 oz;4 oz;5.3 oz|8.80|6|each|1
4|CLN|colander|Aluminum;Stainless|5 qt;8 qt;11 qt;16 qt|18.70|38|each|3
4|THM|thermometer|Dial;Digital;Infrared|pocket;probe;oven;freezer|7.90|4|each|1
5|PAN|food pan|Stainless;Polycarbonate;High-heat|1/9 size;1/6 size;1/3 size;1/2 size;full size|5.60|12|each|2
5|PCV|food pan cover|Solid;Notched;Seal|1/9 size;1/6 size;1/3 size;1/2 size;full size|3.10|6|each|2
5|SQC|square container|Clear;White|2 qt;4 qt;6 qt;8 qt;12 qt;22 qt|6.20|13|each|2
5|RDC|round container|Clear;White|2 qt;4 qt;6 qt;12 qt;18 qt|5.85|12|each|2
5|DEL|deli container|Clear;Frosted|8 oz;12 oz;16 oz;24 oz;32 oz|27.50|90|case of 240|3
5|ING|ingredient bin|Slant-top;Flat-top|21 gal;27 gal;34 gal;40 gal|118.00|330|each|3
5|LBL|day labels|Dissolving;Removable;Permanent|0.75 in;1 in;2 in;3 in|9.20|8|roll of 1,000|1
5|WRP|film wrap|Standard;Cutter-box|12 in;18 in;24 in;30 in|16.40|70|roll|5
5|FOI|foil roll|Standard;Heavy-duty|12 in;18 in;24 in;30 in|21.70|80|roll|5
6|PLT|dinner plate|White;Ivory;Stoneware;Rim|6.5 in;8 in;9 in;10.5 in;12 in|28.40|190|case of 24|3
6|OVL|platter|White;Ivory;Stoneware|9 in;10.5 in;11.5 in;13.5 in|39.60|240|case of 12|3
6|BWL|bowl|White;Ivory;Stoneware|8 oz;12 oz;16 oz;24 oz|31.20|170|case of 24|3
6|PST|pasta bowl|White;Stoneware|16 oz;20 oz;27 oz;40 oz|46.80|230|case of 12|3
6|CUP|coffee cup|White;Ivory;Stacking|7 oz;8 oz;10 oz;12 oz|33.90|200|case of 36|3
6|SCR|saucer|White;Ivory|5 in;5.5 in;6 in;6.5 in|22.30|180|case of 36|3
6|RMK|ramekin|White;Black;Fluted|2 oz;3 oz;4 oz;6 oz|14.60|60|case of 24|2
6|MLM|melamine plate|White;Slate;Woodgrain|7 in;9 in;10 in;12 in|25.80|110|case of 24|3
6|SZL|sizzle platter|Aluminum;Cast iron|8 in;10 in;11 in;13 in|6.40|22|each|4
7|PNT|mixing glass|Clear;Tempered|12 oz;14 oz;16 oz;20 oz|26.50|300|case of 24|3
7|HIB|highball glass|Clear;Fluted|8 oz;9 oz;11 oz;12 oz|31.70|260|case of 36|3
7|RCK|rocks glass|Clear;Cut;Stacking|7 oz;9 oz;10.5 oz;12 oz|33.10|270|case of 36|3
7|WIN|wine glass|Tulip;Tall;Universal|8.5 oz;10 oz;13 oz;18 oz|47.40|210|case of 24|3
7|FLU|flute|Tall;Tulip|4.5 oz;6 oz;7 oz;8 oz|44.90|170|case of 12|3
7|PIL|pilsner glass|Footed;Straight|10 oz;12 oz;16 oz;20 oz|36.20|290|case of 24|3
7|SHO|shot glass|Plain;Lined|1 oz;1.5 oz;2 oz;3 oz|21.40|140|case of 72|2
7|CAR|carafe|Glass;Polycarbonate|0.25 L;0.5 L;1 L;1.5 L|29.80|180|case of 12|3
7|TMB|plastic tumbler|Clear;Amber;Red|8 oz;12 oz;16 oz;20 oz;32 oz|18.90|80|case of 24|3
8|DFK|dinner fork|Windsor;Dominion;Heavy|7 in;7.5 in;8 in;8.25 in|6.30|24|dozen|1
8|DKN|dinner knife|Windsor;Dominion;Heavy|8 in;8.5 in;9 in;9.25 in|9.40|38|dozen|1
8|TSP|teaspoon|Windsor;Dominion;Heavy|5.75 in;6 in;6.25 in;6.5 in|4.20|16|dozen|1
8|SSP|soup spoon|Bouillon;Oval|5.5 in;6 in;7 in;7.25 in|6.10|22|dozen|1
8|STN|steak knife|Wood-handle;Plastic-handle;Jumbo|4 in;4.5 in;5 in;5.25 in|13.90|30|dozen|1
8|SVS|serving spoon|Solid;Slotted|9 in;10 in;11 in;12 in|3.90|5|each|1
8|CHS|chopsticks|Bamboo;Melamine|8 in;9 in;9.5 in;10.5 in|8.70|40|case of 100|1
8|CDY|flatware cylinder|Plastic;Stainless|4 in;4.5 in;5 in;5.5 in|3.30|6|each|2
8|BTR|butter spreader|Windsor;Dominion|6 in;6.5 in;6.75 in;7 in|6.90|20|dozen|1
9|CLM|clamshell box|Fiber;Foam-free;Hinged|6 in;8 in;9 in;10 in|24.80|110|case of 200|3
9|HCP|hot cup|White;Kraft;Double-wall|8 oz;10 oz;12 oz;16 oz;20 oz|38.60|170|case of 1,000|3
9|CLD|cold cup|Clear;Compostable|9 oz;12 oz;16 oz;20 oz;24 oz|42.70|150|case of 1,000|3
9|NAP|napkins|One-ply;Two-ply;Linen-feel|beverage;luncheon;dinner;dispenser|21.90|160|case of 3,000|3
9|STW|straws|Paper;Plant-based|5.75 in;7.75 in;8.5 in;10 in|11.60|60|box of 500|2
9|BAG|paper bag|Kraft;White|4 lb;8 lb;12 lb;20 lb|18.40|150|case of 500|3
9|PLB|portion cup|Clear;Black;Paper|0.75 oz;2 oz;3.25 oz;4 oz;5.5 oz|25.10|110|case of 2,500|3
9|CTL|cutlery kit|Medium;Heavy;Compostable|three-piece;four-piece;five-piece;six-piece|26.90|130|case of 250|3
9|SOU|soup container|Kraft;White|8 oz;12 oz;16 oz;32 oz|47.20|160|case of 500|3
10|DSH|dish soap|Citrus;Unscented;Heavy-duty|32 oz;64 oz;1 gal;5 gal|5.90|36|bottle|2
10|DGR|degreaser|Ready-to-use;Concentrate|32 oz;64 oz;1 gal;5 gal|7.60|36|bottle|2
10|SAN|sanitizer|Quat;Chlorine|32 oz;64 oz;1 gal;2.5 gal|8.90|36|bottle|2
10|TWL|bar towels|Ribbed;Striped;Microfiber|12 × 12 in;14 × 14 in;16 × 19 in;20 × 24 in|9.80|30|dozen|2
10|MOP|mop head|Cotton;Microfiber;Rayon|16 oz;20 oz;24 oz;32 oz|6.70|18|each|2
10|BRM|broom|Angled;Lobby;Push|10 in;12 in;18 in;24 in|8.20|30|each|5
10|SCB|scrub pads|Light;Medium;Heavy|3 × 5 in;6 × 9 in;7 × 10 in;9 × 12 in|5.40|8|pack of 20|1
10|TRL|trash liners|Clear;Black|16 gal;33 gal;44 gal;56 gal|22.60|180|case of 250|3
10|TRC|trash can|Round;Slim;Wheeled|20 gal;23 gal;32 gal;44 gal|34.00|140|each|3
11|MXR|stand mixer|Bowl-lift;Planetary|5 qt;7 qt;10 qt;20 qt|349.00|420|each|3
11|BLN|bar blender|Two-speed;Variable|32 oz;48 oz;64 oz;80 oz|124.00|150|each|3
11|IMB|immersion blender|Light;Heavy|7 in;10 in;14 in;18 in|89.00|70|each|5
11|FPR|food processor|Bowl;Continuous|2 qt;3 qt;4 qt;6 qt|229.00|300|each|3
11|TST|toaster|Pop-up;Conveyor|two-slot;four-slot;six-slot;eight-slot|79.00|170|each|3
11|SPW|soup warmer|Countertop;Drop-in|4 qt;7 qt;11 qt;14 qt|68.00|130|each|3
11|HTL|heat lamp|Single;Double|18 in;24 in;36 in;48 in|72.00|90|each|5
11|SCL|portion scale|Dial;Digital;Washdown|2 lb;5 lb;10 lb;25 lb|32.00|40|each|2
11|IND|induction burner|Countertop;Drop-in|1,500 W;1,800 W;2,500 W;3,500 W|96.00|110|each|3
12|APR|apron|Bib;Bistro;Waist|short;regular;long;extra long|6.90|9|each|1
12|GLV|nitrile gloves|Powder-free;Textured|small;medium;large;extra large|8.40|14|box of 100|1
12|CRG|cut-resistant glove|Knit;Steel-mesh|small;medium;large;extra large|11.30|4|pair|1
12|OVM|oven mitt|Terry;Silicone;Leather|13 in;15 in;17 in;24 in|6.60|9|pair|1
12|CHC|chef coat|Classic;Short-sleeve;Vented|small;medium;large;extra large|19.80|20|each|1
12|HAT|chef hat|Paper;Cloth;Beanie|7 in;9 in;10 in;12 in|4.70|4|each|1
12|MAT|floor mat|Drainage;Grease-proof;Entrance|2 × 3 ft;3 × 3 ft;3 × 5 ft;3 × 10 ft|26.40|180|each|5
12|FAK|first-aid kit|Kitchen;Burn|10 people;25 people;50 people;100 people|17.90|30|each|2
12|WET|wet-floor sign|Folding;Cone|24 in;25 in;26 in;36 in|9.90|40|each|4
"""
