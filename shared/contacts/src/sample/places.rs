//! Where the people of the example data live, and how they are called.

/// A place with numbers that are reserved for fiction.
pub(super) struct Place {
    /// As it stands in the `city` column, quoted where CSV asks for it.
    pub(super) city: &'static str,
    /// How its reserved numbers begin.
    pub(super) range: &'static str,
    /// How many digits follow.
    pub(super) digits: usize,
    /// Its time zone.
    pub(super) zone: &'static str,
    /// Its people.
    pub(super) people: &'static People,
}

/// Names of a language.
pub(super) struct People {
    pub(super) language: &'static str,
    pub(super) first: &'static [&'static str],
    pub(super) last: &'static [&'static str],
}

const fn place(
    city: &'static str,
    range: &'static str,
    digits: usize,
    zone: &'static str,
    people: &'static People,
) -> Place {
    Place {
        city,
        range,
        digits,
        zone,
        people,
    }
}

pub(super) const LONDON: Place = place("London", "+442079460", 3, "Europe/London", &BRITISH);

pub(super) const PLACES: &[Place] = &[
    place("New York", "+121255501", 2, "America/New_York", &AMERICAN),
    place(
        "\"Washington, DC\"",
        "+120255501",
        2,
        "America/New_York",
        &AMERICAN,
    ),
    place("Chicago", "+131255501", 2, "America/Chicago", &AMERICAN),
    place("Houston", "+171355501", 2, "America/Chicago", &AMERICAN),
    place("Pensacola", "+185055501", 2, "America/Chicago", &AMERICAN),
    place("Denver", "+130355501", 2, "America/Denver", &AMERICAN),
    place("Phoenix", "+160255501", 2, "America/Phoenix", &AMERICAN),
    place("San Francisco", "+141555501", 2, "America/Los_Angeles", &AMERICAN),
    place("Seattle", "+120655501", 2, "America/Los_Angeles", &AMERICAN),
    place("Honolulu", "+180855501", 2, "Pacific/Honolulu", &AMERICAN),
    place(
        "\"St. John's, NL\"",
        "+170955501",
        2,
        "America/St_Johns",
        &AMERICAN,
    ),
    place("Toronto", "+141655501", 2, "America/Toronto", &AMERICAN),
    place("Vancouver", "+160455501", 2, "America/Vancouver", &AMERICAN),
    LONDON,
    place("Leeds", "+441134960", 3, "Europe/London", &BRITISH),
    place("Edinburgh", "+441314960", 3, "Europe/London", &BRITISH),
    place("Cardiff", "+442920180", 3, "Europe/London", &BRITISH),
    place("Berlin", "+493023125", 3, "Europe/Berlin", &GERMAN),
    place("Frankfurt am Main", "+496990009", 3, "Europe/Berlin", &GERMAN),
    place("Hamburg", "+494066969", 3, "Europe/Berlin", &GERMAN),
    place("München", "+498999998", 3, "Europe/Berlin", &GERMAN),
    place("Paris", "+3319900", 4, "Europe/Paris", &FRENCH),
    place("Lyon", "+3346571", 4, "Europe/Paris", &FRENCH),
    place("Toulouse", "+3353649", 4, "Europe/Paris", &FRENCH),
    place("Stockholm", "+46846500", 3, "Europe/Stockholm", &SWEDISH),
    place("Göteborg", "+46313900", 3, "Europe/Stockholm", &SWEDISH),
    place("Sydney", "+6125550", 4, "Australia/Sydney", &AUSTRALIAN),
    place("Brisbane", "+6175550", 4, "Australia/Brisbane", &AUSTRALIAN),
    place("Adelaide", "+6188550", 4, "Australia/Adelaide", &AUSTRALIAN),
];

/// Zones of people who are far from their number.
pub(super) const AWAY: &[&str] = &[
    "Asia/Karachi",
    "Asia/Dubai",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "America/Sao_Paulo",
    "Africa/Johannesburg",
];

const AMERICAN: People = People {
    language: "en-US",
    first: &[
        "Olivia", "James", "Maria", "Noah", "Aaliyah", "Ethan", "Sofia", "Liam", "Grace", "Daniel",
    ],
    last: &[
        "Johnson", "Garcia", "Williams", "Nguyen", "Brown", "Martinez", "O'Neill", "Clark", "Lopez", "Walker",
    ],
};

const BRITISH: People = People {
    language: "en-GB",
    first: &[
        "Amelia", "Oliver", "Isla", "Harry", "Priya", "George", "Freya", "Mohammed", "Rhys", "Eilidh",
    ],
    last: &[
        "Smith",
        "Patel",
        "Jones",
        "Khan",
        "Taylor",
        "Hughes",
        "MacDonald",
        "Begum",
        "Evans",
        "Wright",
    ],
};

const GERMAN: People = People {
    language: "de-DE",
    first: &[
        "Anna", "Lukas", "Mia", "Jürgen", "Leonie", "Finn", "Käthe", "Emre", "Greta", "Björn",
    ],
    last: &[
        "Müller", "Schmidt", "Weiß", "Yilmaz", "Schäfer", "Becker", "Vogel", "Krüger", "Hoffmann", "Lange",
    ],
};

const FRENCH: People = People {
    language: "fr-FR",
    first: &[
        "Chloé",
        "Louis",
        "Inès",
        "Hugo",
        "François",
        "Camille",
        "Noël",
        "Amina",
        "Théo",
        "Manon",
    ],
    last: &[
        "Martin", "Bernard", "Lefèvre", "Moreau", "Benali", "Petit", "Roux", "Fournier", "Girard", "Mercier",
    ],
};

const SWEDISH: People = People {
    language: "sv-SE",
    first: &[
        "Elsa", "Åke", "Maja", "Oscar", "Linnéa", "Björn", "Freja", "Nils", "Astrid", "Emil",
    ],
    last: &[
        "Andersson",
        "Lindström",
        "Nilsson",
        "Åberg",
        "Eriksson",
        "Ström",
        "Larsson",
        "Holm",
        "Berg",
        "Sjögren",
    ],
};

const AUSTRALIAN: People = People {
    language: "en-AU",
    first: &[
        "Charlotte",
        "Jack",
        "Matilda",
        "Cooper",
        "Mei",
        "Lachlan",
        "Ruby",
        "Arjun",
        "Zoe",
        "Hamish",
    ],
    last: &[
        "Wilson", "Chen", "Kelly", "Singh", "Thompson", "Ryan", "Campbell", "Murphy", "Harris", "Lee",
    ],
};
