"""The vocabulary for people and places of the demo company; the people are fictitious, the cities are real."""

# Username, first name, last name, role, team, still employed.
STAFF = (
    ("admin", "Nora", "Castellane", "admin", "office", True),
    ("manager", "Maren", "Holt", "manager", "office", True),
    ("desk", "June", "Abernathy", "staff", "office", True),
    ("rep", "Dana", "Whitlock", "sales_rep", "sales", True),
    ("packer", "Sam", "Okafor", "warehouse", "floor", True),
    ("luis", "Luis", "Ocampo", "sales_rep", "sales", True),
    ("priya", "Priya", "Raman", "sales_rep", "sales", True),
    ("theo", "Theo", "Lindgren", "staff", "office", True),
    ("rosa", "Rosa", "Benedetti", "warehouse", "floor", True),
    ("walt", "Walt", "Pruitt", "warehouse", "left", False),
)

# City, state, ZIP, area code, time zone, streets.
CITIES = """
New York|NY|10011|212|America/New_York
Brooklyn|NY|11215|718|America/New_York
Buffalo|NY|14202|716|America/New_York
Boston|MA|02116|617|America/New_York
Providence|RI|02903|401|America/New_York
Portland|ME|04101|207|America/New_York
Burlington|VT|05401|802|America/New_York
Philadelphia|PA|19103|215|America/New_York
Pittsburgh|PA|15222|412|America/New_York
Baltimore|MD|21202|410|America/New_York
Washington|DC|20009|202|America/New_York
Richmond|VA|23220|804|America/New_York
Raleigh|NC|27601|919|America/New_York
Charleston|SC|29401|843|America/New_York
Savannah|GA|31401|912|America/New_York
Atlanta|GA|30308|404|America/New_York
Orlando|FL|32801|407|America/New_York
Miami|FL|33130|305|America/New_York
Tampa|FL|33602|813|America/New_York
Cleveland|OH|44113|216|America/New_York
Columbus|OH|43215|614|America/New_York
Cincinnati|OH|45202|513|America/New_York
Detroit|MI|48226|313|America/Detroit
Ann Arbor|MI|48104|734|America/Detroit
Grand Rapids|MI|49503|616|America/Detroit
Indianapolis|IN|46204|317|America/Indiana/Indianapolis
Louisville|KY|40202|502|America/Kentucky/Louisville
Chicago|IL|60607|312|America/Chicago
Chicago|IL|60622|773|America/Chicago
Evanston|IL|60201|847|America/Chicago
Springfield|IL|62701|217|America/Chicago
Milwaukee|WI|53202|414|America/Chicago
Madison|WI|53703|608|America/Chicago
Minneapolis|MN|55401|612|America/Chicago
Saint Paul|MN|55102|651|America/Chicago
Des Moines|IA|50309|515|America/Chicago
Omaha|NE|68102|402|America/Chicago
Kansas City|MO|64106|816|America/Chicago
St. Louis|MO|63103|314|America/Chicago
Nashville|TN|37203|615|America/Chicago
Memphis|TN|38103|901|America/Chicago
New Orleans|LA|70130|504|America/Chicago
Dallas|TX|75202|214|America/Chicago
Houston|TX|77002|713|America/Chicago
Austin|TX|78701|512|America/Chicago
San Antonio|TX|78205|210|America/Chicago
Oklahoma City|OK|73102|405|America/Chicago
Denver|CO|80202|303|America/Denver
Boulder|CO|80302|720|America/Denver
Salt Lake City|UT|84101|801|America/Denver
Albuquerque|NM|87102|505|America/Denver
Boise|ID|83702|208|America/Boise
Billings|MT|59101|406|America/Denver
Phoenix|AZ|85004|602|America/Phoenix
Tucson|AZ|85701|520|America/Phoenix
Las Vegas|NV|89101|702|America/Los_Angeles
Los Angeles|CA|90013|213|America/Los_Angeles
San Diego|CA|92101|619|America/Los_Angeles
San Francisco|CA|94110|415|America/Los_Angeles
Oakland|CA|94607|510|America/Los_Angeles
Sacramento|CA|95814|916|America/Los_Angeles
Portland|OR|97209|503|America/Los_Angeles
Seattle|WA|98101|206|America/Los_Angeles
Spokane|WA|99201|509|America/Los_Angeles
Anchorage|AK|99501|907|America/Anchorage
Honolulu|HI|96813|808|Pacific/Honolulu
"""

# Lists of words, numbered from 1 in the database.
WORDS = {
    "first": (
        "Copper", "Harbor", "Old Mill", "Marigold", "Nopal", "Blue Heron", "Brass", "Juniper", "Red Barn", "Cedar",
        "Salt", "Lantern", "Golden", "Magnolia", "River", "Willow", "Saffron", "Ember", "Pepper", "Linden", "Sunday",
        "North Star", "Fig", "Cinnamon", "Orchard", "Silver", "Anchor", "Mesa", "Prairie", "Clover", "Iron", "Birch",
        "Coral", "Paprika", "Thistle", "Quail", "Hickory", "Indigo", "Maple", "Sage", "Granite", "Almond", "Poppy",
        "Rosemary", "Foxglove", "Barley", "Tamarind", "Cobalt", "Heirloom", "Wren", "Mulberry", "Cardamom", "Alder",
        "Bluebonnet", "Chestnut", "Driftwood", "Elder", "Garnet", "Hazel",
    ),
    "second": (
        "Kettle", "Lane", "Spoon", "Table", "Oven", "Fork", "House", "Street", "Corner", "Plate", "Ladle", "Hearth",
        "Garden", "Room", "Yard", "Door", "Pantry", "Griddle", "Cellar", "Market", "Stove", "Skillet", "Terrace",
        "Counter", "Pier", "Bridge", "Grove", "Station", "Hall", "Pot", "Cup", "Barrel", "Mill", "Crossing", "Wharf",
        "Square", "Window", "Porch", "Loft", "Hill", "Union", "Social", "Supper", "Larder", "Smokehouse", "Patio",
        "Post", "Vine", "Boat", "Bell", "Lark", "Field", "Sparrow",
    ),
    "kind": (
        "Bistro", "Café", "Diner", "Tavern", "Grill", "Bakery", "Catering", "Taqueria", "Trattoria", "Kitchen",
        "Brewpub", "Pizzeria", "Noodle Bar", "Steakhouse", "Inn", "School Kitchen",
    ),
    "business": (
        "restaurant", "cafe", "restaurant", "bar", "restaurant", "bakery", "catering", "restaurant", "restaurant",
        "restaurant", "bar", "restaurant", "restaurant", "restaurant", "hotel", "school",
    ),
    "given": (
        "Ana", "Ben", "Carla", "Dmitri", "Elena", "Frank", "Greta", "Hassan", "Ines", "Jonas", "Keiko", "Liam", "Mei",
        "Nadia", "Omar", "Paula", "Quentin", "Ruth", "Sofia", "Tomás", "Uma", "Victor", "Wanda", "Xavier", "Yara",
        "Zoe", "Amir", "Bianca", "Cole", "Delia", "Emil", "Farah", "Gus", "Hana", "Igor", "Joy", "Kofi", "Lena",
        "Marco", "Noor", "Oscar", "Petra", "Ravi", "Selma", "Tariq", "Vera", "Wes",
    ),
    "family": (
        "Lindqvist", "Alvarez", "Novak", "Okoye", "Brandt", "Castillo", "Duong", "Eriksen", "Fontaine", "Garrity",
        "Hirano", "Ibarra", "Jankowski", "Keller", "Larkin", "Moreau", "Nakamura", "Ortega", "Petrov", "Quigley",
        "Rosen", "Santoro", "Tran", "Ueda", "Vargas", "Weller", "Yilmaz", "Zeman", "Abbott", "Bauer", "Corrigan",
        "Dalton", "Esposito", "Farrow", "Grant", "Hollis", "Ivers", "Joyner", "Kapoor", "Lombardi", "Mercer",
        "Nolan", "Oduya", "Park", "Reyes", "Sandoval", "Thornton",
    ),
    "street": (
        "Grist Road", "Main Street", "Canal Street", "Orchard Avenue", "Front Street", "Market Street", "Depot Road",
        "Foundry Lane", "Lake Street", "Park Avenue", "Union Street", "Mill Street", "Commerce Street", "2nd Avenue",
        "5th Street", "Chestnut Street", "Water Street", "Broad Street", "Station Road", "Vine Street",
        "Quarry Road", "Elm Street", "Harbor Drive",
    ),
    "wish": (
        "Ring twice, kitchen opens at 10.", "Rear door, past the loading dock.", "Please deliver before 11 am.",
        "Call on arrival.", "Leave with the host if the kitchen is closed.", "No deliveries during lunch, 11:30 to 2.",
        "Narrow alley: small truck only.", "Ask for the sous chef.", "Send the invoice by mail, please.",
        "Replace the chipped plates from last time.", "Basement entrance, two flights down.",
    ),
    "customer_note": (
        "Prefers calls before 10 am.", "Orders sheet pans every spring.", "Owner opens a second place next year.",
        "Wants paper invoices.", "Asks for a discount every time; 5% is fine from $1,000.", "Closed on Mondays.",
        "Kitchen speaks Spanish.",
    ),
    "no_cancel": (
        "Ordered twice by mistake", "Customer found it in the cellar", "Delivery came too late for the event",
        "Changed to another size", "Closed for renovation", "Customer asked by phone",
    ),
    "decline": (
        "Card declined: insufficient funds", "Card declined: expired card", "Card declined by the bank",
    ),
}  # fmt: skip
