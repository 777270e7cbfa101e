//! Phone prefixes and the zones in which their numbers are used.
//!
//! Compiled from public facts: country codes (ITU-T E.164 and its national annexes), the zones of
//! each country (`zone.tab` of the IANA database), area codes (NANPA, ANATEL, IFT and the other
//! national plans). Three rules keep it short and on the safe side:
//!
//! - A prefix stands for **all** zones in which its numbers are used; mobile and other ranges without
//!   a place have all zones of the country. Overlays have the zones of the area that they overlay.
//! - Of zones whose clocks agree from 2026 on, one stands for all (`Europe/London` for Jersey).
//! - Places of fewer than 5,000 people do not count for whole countries and large areas (Lord Howe,
//!   Chatham, Pituffik, Adak): they would take hours from millions. Where they have a prefix of their
//!   own, it is here; otherwise a zone in the profile says so.
//!
//! libphonenumber's map was not taken: it gives mobile numbers of Australia and Russia one zone, and
//! Morocco, Algeria, Libya and Nicaragua a neighbour's clock changes.

use std::sync::LazyLock;

use chrono_tz::{Africa, America, Asia, Atlantic, Australia, Europe, Indian, Pacific, Tz};

/// Prefixes, apart by blanks, and their zones.
type Rows = &'static [(&'static str, &'static [Tz])];

/// The zones of the longest prefix of an international number without its `+`.
pub(super) fn zones(digits: &str) -> &'static [Tz] {
    (1..=LONGEST.min(digits.len()))
        .rev()
        .filter_map(|length| digits.get(..length))
        .find_map(|prefix| {
            let place = SORTED.binary_search_by_key(&prefix, |(known, _)| *known).ok()?;
            SORTED.get(place).map(|(_, zones)| *zones)
        })
        .unwrap_or(&[])
}

/// The longest prefix in the table.
const LONGEST: usize = 8;

static SORTED: LazyLock<Vec<(&'static str, &'static [Tz])>> = LazyLock::new(|| {
    let mut rows: Vec<_> = [COUNTRIES, REGIONS, super::nanp::AREAS]
        .into_iter()
        .flatten()
        .flat_map(|(prefixes, zones)| prefixes.split_ascii_whitespace().map(|prefix| (prefix, *zones)))
        .collect();
    rows.sort_unstable_by_key(|(prefix, _)| *prefix);
    rows
});

/// Country codes.
const COUNTRIES: Rows = &[
    // Africa
    ("20", &[Africa::Cairo]),
    ("211", &[Africa::Juba]),
    ("212", &[Africa::Casablanca]),
    ("213", &[Africa::Algiers]),
    ("216", &[Africa::Tunis]),
    ("218", &[Africa::Tripoli]),
    // Greenwich time without changes
    (
        "220 221 222 223 224 225 226 228 231 232 233 245 247 290",
        &[Africa::Abidjan],
    ),
    ("239", &[Africa::Sao_Tome]),
    // West Africa time
    ("227 229 234 235 236 237 240 241 242 244", &[Africa::Lagos]),
    ("230", &[Indian::Mauritius]),
    ("238", &[Atlantic::Cape_Verde]),
    ("243", &[Africa::Kinshasa, Africa::Lubumbashi]),
    ("246", &[Indian::Chagos]),
    ("248", &[Indian::Mahe]),
    ("249", &[Africa::Khartoum]),
    // Central Africa time
    ("250 257 258 260 263 265 267", &[Africa::Maputo]),
    // East Africa time
    ("251 252 253 254 255 256 261 269 291", &[Africa::Nairobi]),
    ("262", &[Indian::Reunion, Indian::Mayotte]),
    ("264", &[Africa::Windhoek]),
    ("27 266 268", &[Africa::Johannesburg]),
    // Europe
    ("30", &[Europe::Athens]),
    ("31", &[Europe::Amsterdam]),
    ("32", &[Europe::Brussels]),
    ("33", &[Europe::Paris]),
    ("34", &[Europe::Madrid, Atlantic::Canary]),
    ("350", &[Europe::Gibraltar]),
    ("351", &[Europe::Lisbon, Atlantic::Azores]),
    ("352", &[Europe::Luxembourg]),
    ("353", &[Europe::Dublin]),
    ("354", &[Atlantic::Reykjavik]),
    ("355", &[Europe::Tirane]),
    ("356", &[Europe::Malta]),
    ("357", &[Asia::Nicosia]),
    ("358", &[Europe::Helsinki]),
    ("359", &[Europe::Sofia]),
    ("36", &[Europe::Budapest]),
    ("370", &[Europe::Vilnius]),
    ("371", &[Europe::Riga]),
    ("372", &[Europe::Tallinn]),
    ("373", &[Europe::Chisinau]),
    ("374", &[Asia::Yerevan]),
    ("375", &[Europe::Minsk]),
    ("376", &[Europe::Andorra]),
    ("377", &[Europe::Monaco]),
    ("378", &[Europe::San_Marino]),
    ("379", &[Europe::Vatican]),
    ("380", &[Europe::Kyiv]),
    ("381 383", &[Europe::Belgrade]),
    ("382", &[Europe::Podgorica]),
    ("385", &[Europe::Zagreb]),
    ("386", &[Europe::Ljubljana]),
    ("387", &[Europe::Sarajevo]),
    ("389", &[Europe::Skopje]),
    ("39", &[Europe::Rome]),
    ("40", &[Europe::Bucharest]),
    ("41", &[Europe::Zurich]),
    ("420", &[Europe::Prague]),
    ("421", &[Europe::Bratislava]),
    ("423", &[Europe::Vaduz]),
    ("43", &[Europe::Vienna]),
    ("44", &[Europe::London]),
    ("45", &[Europe::Copenhagen]),
    ("46", &[Europe::Stockholm]),
    ("47", &[Europe::Oslo]),
    ("48", &[Europe::Warsaw]),
    ("49", &[Europe::Berlin]),
    ("298", &[Atlantic::Faroe]),
    // The Americas without the North American plan
    ("297 599", &[America::Curacao]),
    ("299", &[America::Nuuk]),
    ("500", &[Atlantic::Stanley]),
    ("501", &[America::Belize]),
    ("502", &[America::Guatemala]),
    ("503", &[America::El_Salvador]),
    ("504", &[America::Tegucigalpa]),
    ("505", &[America::Managua]),
    ("506", &[America::Costa_Rica]),
    ("507", &[America::Panama]),
    ("508", &[America::Miquelon]),
    ("509", &[America::PortauPrince]),
    ("51", &[America::Lima]),
    ("52", MEXICO),
    ("53", &[America::Havana]),
    ("54", &[America::Argentina::Buenos_Aires]),
    ("55", BRAZIL),
    ("56", CHILE),
    ("57", &[America::Bogota]),
    ("58", &[America::Caracas]),
    ("590 596", &[America::Martinique]),
    ("591", &[America::La_Paz]),
    ("592", &[America::Guyana]),
    ("593", &[America::Guayaquil, Pacific::Galapagos]),
    ("594", &[America::Cayenne]),
    ("595", &[America::Asuncion]),
    ("597", &[America::Paramaribo]),
    ("598", &[America::Montevideo]),
    // Oceania
    ("61", AUSTRALIA),
    ("64", &[Pacific::Auckland]),
    ("670", &[Asia::Dili]),
    ("672", &[Pacific::Norfolk]),
    ("674", &[Pacific::Nauru]),
    ("675", &[Pacific::Port_Moresby, Pacific::Bougainville]),
    ("676", &[Pacific::Tongatapu]),
    ("677", &[Pacific::Guadalcanal]),
    ("678", &[Pacific::Efate]),
    ("679", &[Pacific::Fiji]),
    ("680", &[Pacific::Palau]),
    ("681", &[Pacific::Wallis]),
    ("682", &[Pacific::Rarotonga]),
    ("683", &[Pacific::Niue]),
    ("685", &[Pacific::Apia]),
    ("686", &[Pacific::Tarawa, Pacific::Kiritimati]),
    ("687", &[Pacific::Noumea]),
    ("688", &[Pacific::Funafuti]),
    ("689", &[Pacific::Tahiti, Pacific::Marquesas]),
    ("690", &[Pacific::Fakaofo]),
    ("691", &[Pacific::Chuuk, Pacific::Pohnpei]),
    ("692", &[Pacific::Majuro]),
    // Asia
    ("60", &[Asia::Kuala_Lumpur]),
    ("62", INDONESIA),
    ("63", &[Asia::Manila]),
    ("65", &[Asia::Singapore]),
    ("66", &[Asia::Bangkok]),
    ("673", &[Asia::Brunei]),
    ("7", RUSSIA),
    ("76 77", &[Asia::Almaty]),
    ("81", &[Asia::Tokyo]),
    ("82", &[Asia::Seoul]),
    ("84", &[Asia::Ho_Chi_Minh]),
    ("850", &[Asia::Pyongyang]),
    ("852", &[Asia::Hong_Kong]),
    ("853", &[Asia::Macau]),
    ("855", &[Asia::Phnom_Penh]),
    ("856", &[Asia::Vientiane]),
    ("86", &[Asia::Shanghai]),
    ("880", &[Asia::Dhaka]),
    ("886", &[Asia::Taipei]),
    ("90", &[Europe::Istanbul]),
    ("91", &[Asia::Kolkata]),
    ("92", &[Asia::Karachi]),
    ("93", &[Asia::Kabul]),
    ("94", &[Asia::Colombo]),
    ("95", &[Asia::Yangon]),
    ("960", &[Indian::Maldives]),
    ("961", &[Asia::Beirut]),
    ("962", &[Asia::Amman]),
    ("963", &[Asia::Damascus]),
    ("964", &[Asia::Baghdad]),
    ("965", &[Asia::Kuwait]),
    ("966", &[Asia::Riyadh]),
    ("967", &[Asia::Aden]),
    ("968", &[Asia::Muscat]),
    ("970", &[Asia::Hebron]),
    ("971", &[Asia::Dubai]),
    ("972", &[Asia::Jerusalem]),
    ("973", &[Asia::Bahrain]),
    ("974", &[Asia::Qatar]),
    ("975", &[Asia::Thimphu]),
    ("976", &[Asia::Ulaanbaatar, Asia::Hovd]),
    ("977", &[Asia::Kathmandu]),
    ("98", &[Asia::Tehran]),
    ("992", &[Asia::Dushanbe]),
    ("993", &[Asia::Ashgabat]),
    ("994", &[Asia::Baku]),
    ("995", &[Asia::Tbilisi]),
    ("996", &[Asia::Bishkek]),
    ("998", &[Asia::Tashkent]),
];

const AUSTRALIA: &[Tz] = &[
    Australia::Sydney,
    Australia::Brisbane,
    Australia::Adelaide,
    Australia::Darwin,
    Australia::Perth,
];
const BRAZIL: &[Tz] = &[America::Sao_Paulo, America::Manaus, America::Rio_Branco];
const CHILE: &[Tz] = &[America::Santiago, America::Punta_Arenas, Pacific::Easter];
const INDONESIA: &[Tz] = &[Asia::Jakarta, Asia::Makassar, Asia::Jayapura];
const MEXICO: &[Tz] = &[
    America::Mexico_City,
    America::Cancun,
    America::Matamoros,
    America::Ciudad_Juarez,
    America::Hermosillo,
    America::Tijuana,
];
const RUSSIA: &[Tz] = &[
    Europe::Kaliningrad,
    Europe::Moscow,
    Europe::Samara,
    Asia::Yekaterinburg,
    Asia::Omsk,
    Asia::Novosibirsk,
    Asia::Irkutsk,
    Asia::Yakutsk,
    Asia::Vladivostok,
    Asia::Magadan,
    Asia::Kamchatka,
];

/// Area codes of the countries with several zones.
const REGIONS: Rows = &[
    // Spain: landlines of the mainland, the Balearic Islands and Africa; of the Canary Islands
    ("3481 3482 3483 3484 3485 3486 3487 3488", &[Europe::Madrid]),
    ("3491 3492 3493 3494 3495 3496 3497 3498", &[Europe::Madrid]),
    ("34822 34828 34922 34928", &[Atlantic::Canary]),
    // Portugal: landlines of the mainland and Madeira; of the Azores
    ("3512", &[Europe::Lisbon]),
    ("351292 351295 351296", &[Atlantic::Azores]),
    // Greenland: Pituffik and Ittoqqortoormiit
    ("29997", &[America::Thule]),
    ("29999", &[America::Scoresbysund]),
    // Russia: areas by their time from Moscow; 80x and 9xx have no place
    ("7401", &[Europe::Kaliningrad]),
    (
        "7365 747 748 749 781 782 7831 7833 7834 7835 7836 7841 7843 7844 7847 7855 7856 7857 786 787",
        &[Europe::Moscow],
    ),
    ("7341 7842 7845 7846 7848 7851", &[Europe::Samara]),
    ("7342 7343 7345 7346 7347 7349 735", &[Asia::Yekaterinburg]),
    ("7381", &[Asia::Omsk]),
    ("7382 7383 7384 7385 7388 7390 7391 7394", &[Asia::Novosibirsk]),
    ("7301 7395", &[Asia::Irkutsk]),
    ("7302 7416", &[Asia::Yakutsk]),
    // Yakutia has three zones.
    ("7411", &[Asia::Yakutsk, Asia::Vladivostok, Asia::Srednekolymsk]),
    ("7421 7423 7426", &[Asia::Vladivostok]),
    ("7413 7424", &[Asia::Magadan]),
    ("7415 7427", &[Asia::Kamchatka]),
    // Abkhazia
    ("7840", &[Europe::Moscow]),
    // Australia: landlines by region; 4 (mobile), 1 (special) and 5 (location independent) have no place
    ("612 613", &[Australia::Sydney]),
    ("6126563", &[Australia::Lord_Howe]),
    ("617", &[Australia::Brisbane]),
    // The Tweed valley in New South Wales has Queensland's numbers.
    ("6175", &[Australia::Brisbane, Australia::Sydney]),
    ("618", &[Australia::Adelaide, Australia::Darwin, Australia::Perth]),
    ("6187", &[Australia::Adelaide, Australia::Darwin]),
    ("6188", &[Australia::Adelaide]),
    ("61889", &[Australia::Darwin]),
    ("6186 6189", &[Australia::Perth]),
    ("6189162", &[Indian::Cocos]),
    ("6189164", &[Indian::Christmas]),
    // New Zealand: the Chatham Islands
    ("643305", &[Pacific::Chatham]),
    // Brazil: area codes, which mobile numbers have too; the rest (300, 400x, 800) has no place
    (
        "5511 5512 5513 5514 5515 5516 5517 5518 5519 5521 5522 5524 5527 5528 5531 5532 5533 5534 5535 5537 \
         5538 5541 5542 5543 5544 5545 5546 5547 5548 5549 5551 5553 5554 5555 5561 5562 5563 5564 5571 5573 \
         5574 5575 5577 5579 5581 5582 5583 5584 5585 5586 5587 5588 5589 5591 5593 5594 5596 5598 5599",
        &[America::Sao_Paulo],
    ),
    ("5565 5566 5567 5569 5592 5595", &[America::Manaus]),
    ("5568", &[America::Rio_Branco]),
    // The west of Amazonas keeps the time of Acre.
    ("5597", &[America::Manaus, America::Rio_Branco]),
    // Chile: landlines
    ("562 563 564 565 566", &[America::Santiago]),
    ("5661 5667", &[America::Punta_Arenas]),
    ("56322100", &[Pacific::Easter]),
    // Ecuador: landlines of the mainland; 5 is shared with the Galapagos
    ("5932 5933 5934 5936 5937", &[America::Guayaquil]),
    // Indonesia: landlines of Java and Sumatra, the middle, the east; 8 is mobile
    ("622 6231 6232 6233 6234 6235 6253 6256 626 627", &[Asia::Jakarta]),
    ("6236 6237 6238 624 6254 6255", &[Asia::Makassar]),
    ("6251 6252", &[Asia::Jakarta, Asia::Makassar]),
    ("629", &[Asia::Jayapura]),
    // Mexico: the centre, then what differs; codes in 6 that are not named have all zones
    ("522 523 524 525 527 528 529", &[America::Mexico_City]),
    (
        "52614 52618 52621 52625 52627 52628 52629 52635 52639 52648 52649 52652 52659 52671 52674 52675 52676 52677",
        &[America::Mexico_City],
    ),
    ("52636 52656", &[America::Mexico_City, America::Ciudad_Juarez]),
    // The border with Texas follows its clock changes; codes reach beyond the strip.
    (
        "52626 52862 52867 52868 52873 52877 52878 52891 52892 52894 52897 52899",
        &[America::Mexico_City, America::Matamoros],
    ),
    ("52983 52984 52987 52998", &[America::Cancun]),
    (
        "52612 52613 52615 52622 52623 52624 52631 52632 52633 52634 52637 52638 52641 52642 52643 52644 52645 \
         52647 52651 52662 52667 52668 52669 52672 52673 52687 52694 52695 52696 52697 52698 52311 52319 52323 \
         52324 52325 52389",
        &[America::Hermosillo],
    ),
    // The Nayarit coast, part of which keeps the time of Puerto Vallarta
    ("52327 52329", &[America::Hermosillo, America::Mexico_City]),
    ("52646 52658 52661 52664 52665 52616 52686", &[America::Tijuana]),
    ("52653", &[America::Hermosillo, America::Tijuana]),
    // Xinjiang, where many keep their own time beside Beijing's
    (
        "86901 86902 86903 86906 86908 86909 8699",
        &[Asia::Shanghai, Asia::Urumqi],
    ),
];

#[cfg(test)]
mod tests;
