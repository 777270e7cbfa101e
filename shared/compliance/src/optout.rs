//! Opt-out words: a message that consists of nothing else ends contact.
//!
//! In the United States the words of 47 CFR 64.1200 (a)(10) are binding since 2025-04-11: stop, quit,
//! end, revoke, opt out, cancel, unsubscribe; carriers add STOPALL. Elsewhere any clear refusal counts
//! (GDPR, article 21 (2)); the lists hold the words that people commonly send.
//!
//! Only the whole message is compared, so that "please don't stop" is none. Freer wordings are the
//! business of a person or a bot, who then record the refusal themselves.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer messages are never opt-out words, in bytes.
const MAX_MESSAGE: usize = 200;

/// An opt-out word that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptOut {
    /// The language whose list holds it, as a language tag; `custom` for the tenant's own words.
    pub language: &'static str,
    /// The word, normalised.
    pub word: String,
}

/// The words by language, apart by commas. A word that several languages share stands with the first.
const WORDS: &[(&str, &str)] = &[
    (
        "en",
        "stop, quit, end, revoke, opt out, optout, cancel, unsubscribe, stop all, stopall, please \
         stop, stop please, stop it, stop now, stop texting me, stop messaging me, stop calling \
         me, stop calling, remove, remove me, unsubscribe me, leave me alone, do not contact me, \
         dont contact me, do not call, do not call me, dont call me, do not text me, dont text \
         me, no more messages, stop promotions",
    ),
    (
        "de",
        "stopp, abmelden, abbestellen, abmeldung, abbestellung, austragen, widerruf, widerrufen, \
         ich widerrufe, kündigen, beenden, aufhören, bitte aufhören, bitte abmelden, bitte \
         stoppen, keine nachrichten mehr, keine werbung, keine werbung mehr, nicht mehr anrufen, \
         nicht mehr kontaktieren",
    ),
    (
        "fr",
        "arrêt, arrêter, arrêtez, arrête, stop sms, stop pub, désabonner, désabonnement, me \
         désabonner, désinscrire, désinscription, me désinscrire, résilier, annuler, ne plus \
         recevoir, ne me contactez plus, ne m'appelez plus, plus de messages, retirez moi",
    ),
    (
        "es",
        "baja, dar de baja, darme de baja, dame de baja, baja por favor, parar, pare, basta, \
         cancelar, cancelar suscripción, anular, desuscribir, desuscribirme, detener, no más \
         mensajes, no me contacten, no me contacte, no me llamen, no llamar, eliminar",
    ),
    (
        "it",
        "ferma, fermare, fermati, annulla, annullare, cancella, cancellami, cancellare, \
         disiscrivi, disiscrivimi, disiscrizione, cancellazione, revoca, revoco, basta messaggi, \
         non contattatemi, non contattarmi, non chiamatemi, non chiamare",
    ),
    (
        "pt",
        "pare, sair, remover, remova, descadastrar, me descadastrar, cancelar inscrição, cancelar \
         subscrição, anular subscrição, parem, chega, não quero mais, não quero receber, não me \
         contacte, não me contate, não me ligue, não perturbe",
    ),
    (
        "nl",
        "stoppen, afmelden, uitschrijven, opzeggen, beëindigen, meld mij af, schrijf mij uit, ik \
         wil me afmelden, geen berichten meer, niet meer bellen, niet bellen, verwijder mij",
    ),
    (
        "pl",
        "rezygnuję, wypisz, wypisz mnie, rezygnacja, zatrzymaj, koniec",
    ),
    ("tr", "dur, iptal, ret, çık, abonelikten çık, mesaj istemiyorum"),
    (
        "ar",
        "توقف, قف, أوقف, إيقاف, ايقاف, الغاء, إلغاء, إلغاء الاشتراك, الغ الاشتراك, كفى, كفاية, لا \
         ترسل, لا تراسلني, لا تتصل, لا تتصل بي, حذف, انهاء",
    ),
    (
        "ur",
        "بند, بند کرو, بند کریں, بند کر دیں, روکو, روکیں, روک دیں, رک جاؤ, ختم, ختم کریں, منسوخ, \
         منسوخ کریں, ان سبسکرائب, سٹاپ, اسٹاپ, میسج نہ کریں, کال نہ کریں, رابطہ نہ کریں, band \
         karo, band karein, band kar do, bas karo, mat bhejo, message mat karo, call mat karo",
    ),
    ("ru", "стоп, отписаться, отпишите меня"),
    ("he", "הסר, הסר אותי, הסירו אותי"),
    (
        "hi",
        "बंद, बंद करो, बंद करें, बन्द, बन्द करो, बन्द करें, रोको, रोकें, रुको, स्टॉप, संदेश मत भेजो, कॉल मत करो",
    ),
];

static LISTS: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
    let mut lists = BTreeMap::new();
    for (language, words) in WORDS {
        for word in words.split(", ") {
            lists.entry(normalised(word)).or_insert(*language);
        }
    }
    lists
});

/// Whether the message is an opt-out word, of any language or of the tenant's own `custom` list.
///
/// One word sent several times over (`STOP STOP`) counts.
pub fn find(message: &str, custom: &[String]) -> Option<OptOut> {
    if message.len() > MAX_MESSAGE {
        return None;
    }
    let text = once(normalised(message));
    if text.is_empty() {
        return None;
    }
    let language = match LISTS.get(&text) {
        Some(language) => language,
        None if custom.iter().any(|word| normalised(word) == text) => "custom",
        None => return None,
    };
    Some(OptOut { language, word: text })
}

/// The message in one spelling: width, case, accents and vowel marks, punctuation, emoji and blanks
/// make no difference. In the scripts of India vowels are marks, and make other words. Letters that Arabic and Urdu keyboards write differently become one.
fn normalised(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let letters = text
        .nfkd()
        .filter(|c| !is_accent(*c) && !is_silent(*c))
        .flat_map(char::to_lowercase)
        // Lower case of the Turkish capital I with a dot brings a mark of its own.
        .filter(|c| !is_accent(*c));
    for c in letters {
        match c {
            'ي' | 'ى' | 'ے' => plain.push('ی'),
            'ك' => plain.push('ک'),
            'ہ' | 'ة' | 'ھ' => plain.push('ه'),
            'ں' => plain.push('ن'),
            'ß' => plain.push_str("ss"),
            'ı' => plain.push('i'),
            c if c.is_alphanumeric() || is_combining_mark(c) => plain.push(c),
            _ if plain.ends_with(' ') || plain.is_empty() => {}
            _ => plain.push(' '),
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

/// Marks that people leave out, or that keyboards set differently: all but those of Indian scripts, and of those the dot
/// below.
fn is_accent(c: char) -> bool {
    let is_dot_below = matches!(
        c,
        '\u{093C}' | '\u{09BC}' | '\u{0A3C}' | '\u{0ABC}' | '\u{0B3C}' | '\u{0CBC}'
    );
    is_combining_mark(c) && (is_dot_below || !matches!(c, '\u{0900}'..='\u{0DFF}'))
}

/// Characters that join what they stand between: apostrophes, joiners, direction marks, the Arabic
/// stretching stroke.
const fn is_silent(c: char) -> bool {
    matches!(
        c,
        '\'' | '\u{2019}' | '\u{02BC}' | '\u{00AD}' | '\u{0640}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
    )
}

/// A word that is repeated and nothing else, once.
fn once(text: String) -> String {
    let mut words = text.split(' ');
    match words.next() {
        Some(first) if words.all(|word| word == first) => first.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn language(message: &str) -> Option<&'static str> {
        find(message, &[]).map(|found| found.language)
    }

    #[test]
    fn the_words_of_the_law_are_known() {
        for word in [
            "stop",
            "quit",
            "end",
            "revoke",
            "opt out",
            "cancel",
            "unsubscribe",
        ] {
            assert_eq!(language(word), Some("en"), "{word}");
            assert_eq!(language(&word.to_uppercase()), Some("en"), "{word}");
        }
    }

    #[test]
    fn spelling_makes_no_difference() {
        for message in [
            " Stop. ",
            "STOP!!!",
            "\"stop\"",
            "ｓｔｏｐ",
            "ＳＴＯＰ！",
            "stop 🛑",
            "*STOP*",
            "Stop\n",
            "stop\u{200B}",
            "STOP STOP stop",
            "Opt-Out",
            "opt_out",
            "OPT  OUT",
            "Stop All",
            "𝐒𝐓𝐎𝐏",
        ] {
            assert_eq!(language(message), Some("en"), "{message}");
        }
        for (message, tag) in [
            ("STOPP", "de"),
            ("Kündigen", "de"),
            ("kundigen", "de"),
            ("ARRÊT", "fr"),
            ("arret", "fr"),
            ("Ne m’appelez plus !", "fr"),
            ("¡BAJA!", "es"),
            ("no mas mensajes", "es"),
            ("Cancellami", "it"),
            ("não me ligue", "pt"),
            ("Afmelden", "nl"),
            ("İPTAL", "tr"),
            ("ÇIK", "tr"),
            ("إيقاف", "ar"),
            ("ايقاف", "ar"),
            ("تَوَقَّف", "ar"),
            ("توقـــف", "ar"),
            ("بند کریں", "ur"),
            ("بند كرين", "ur"),
            ("बंद करो।", "hi"),
            ("बन्द", "hi"),
            ("रोकें", "hi"),
            ("Stop promotions", "en"),
            ("СТОП", "ru"),
            ("הסר", "he"),
        ] {
            assert_eq!(language(message), Some(tag), "{message}");
        }
    }

    #[test]
    fn other_messages_are_none() {
        for message in [
            "",
            " ",
            "🛑",
            "please don't stop",
            "Don't stop",
            "non stop",
            "stop at 5 pm?",
            "the end",
            "weekend",
            "cancel my appointment",
            "I will end the call",
            "stopwatch",
            "no",
            "yes",
            "1",
            "st op",
            "stop the stop",
            "bajar",
            "can you stop by tomorrow?",
            "बाद",
            "बूँद",
            "बंदा",
        ] {
            assert_eq!(find(message, &[]), None, "{message}");
        }
        assert_eq!(find(&"stop ".repeat(100), &[]), None);
    }

    #[test]
    fn tenants_add_words_of_their_own() {
        let custom = ["Nein, danke!".to_owned()];
        assert_eq!(find("nein danke", &[]), None);
        assert_eq!(find("NEIN DANKE", &custom).unwrap().language, "custom");
        assert_eq!(find("...", &["!!!".to_owned()]), None);
    }

    proptest! {
        #[test]
        fn any_text_is_normalised_once(text in "\\PC{0,40}") {
            let normal = normalised(&text);
            prop_assert_eq!(normalised(&normal), normal);
            let _ = find(&text, &[]);
        }

        #[test]
        fn a_word_within_a_longer_message_is_none(word in "[a-z]{3,8}", before: bool) {
            let message = if before { format!("{word}x stop") } else { format!("stop {word}x") };
            prop_assert_eq!(find(&message, &[]), None);
        }
    }
}
