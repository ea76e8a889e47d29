//! What expressions are made of: few words that often meet, and patterns that PCRE and the
//! gateway's engine are both meant to read.

use arbitrary::Arbitrary;
use serde_json::{Value as Json, json};

/// A `vars` expression, or what is nearly one.
#[derive(Arbitrary, Clone, Debug)]
pub enum Rules {
    Test(Test),
    Group { logic: Option<Logic>, rules: Vec<Rules> },
    Any(Element),
}

#[derive(Arbitrary, Clone, Debug)]
pub struct Test {
    variable: u8,
    negated: bool,
    operator: Operator,
    shout: bool,
    right: Option<Element>,
    beyond: Option<Element>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Logic {
    And,
    Or,
    NotAnd,
    NotOr,
    Lower,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches(Pattern),
    MatchesAnyCase(Pattern),
    In(Vec<Element>),
    Has,
    IpMatch(Vec<Network>),
    /// The two-element form.
    None,
    Any(Element),
}

/// JSON.
#[derive(Arbitrary, Clone, Debug)]
pub enum Element {
    Null,
    Bool(bool),
    Small(i8),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Half(i8),
    Word(u8),
    Number(Vec<Digit>),
    Text(Vec<Letter>),
    Address(Address),
    Network(Network),
    List(Vec<Element>),
    Map,
}

/// What numbers are spelled with.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Digit {
    Zero,
    One,
    Nine,
    A,
    B,
    E,
    X,
    P,
    Point,
    Plus,
    Minus,
    Blank,
    Inf,
    Nan,
}

/// What patterns look for.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Letter {
    A,
    B,
    UpperA,
    One,
    Slash,
    Dot,
    Dash,
    Space,
    Tab,
    Line,
    Brace,
    Accent,
}

const WORDS: [&str; 16] = [
    "", "a", "A", "b", "ab", "1", "01", "1.0", "0x1", " 1 ", "true", "null", "and", "10.0.0.1",
    "::1", "==",
];

#[derive(Arbitrary, Clone, Debug)]
pub enum Pattern {
    Of(Vec<(Atom, Quantifier)>),
    Literal(Element),
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Atom {
    Letter(Letter),
    Any,
    /// `^`, `$`, `\b`, `\B`, `\A`, `\z`, `\Z`
    Place(u8),
    /// `\d`, `\w`, `\s`, `\h` and their opposites
    Class(u8),
    Set {
        negated: bool,
        items: Vec<Item>,
    },
    Group {
        kind: u8,
        one: Vec<(Atom, Quantifier)>,
        other: Option<Vec<(Atom, Quantifier)>>,
    },
    Quoted(Vec<Letter>),
    /// `\x41` and `\x{41}`
    Hex {
        letter: Letter,
        braces: bool,
    },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Item {
    Letter(Letter),
    Class(u8),
    Posix(u8),
    Range,
    Bracket,
    Sign(u8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Quantifier {
    One,
    Maybe,
    Many,
    Some,
    Twice,
    FromOne,
    UpToTwo,
    Lazy,
}

/// An address of few, so that networks meet it.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Address {
    family: u8,
    bits: u8,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Network {
    address: Address,
    prefix: Option<u8>,
}

/// How deep elements and patterns go.
const DEPTH: usize = 3;

impl Rules {
    pub fn json(&self, names: &[&str]) -> Json {
        match self {
            Self::Test(test) => test.json(names),
            Self::Any(element) => element.json(),
            Self::Group { logic, rules } => {
                let word = logic.map(|logic| match logic {
                    Logic::And => json!("AND"),
                    Logic::Or => json!("OR"),
                    Logic::NotAnd => json!("!AND"),
                    Logic::NotOr => json!("!OR"),
                    Logic::Lower => json!("or"),
                });
                word.into_iter().chain(rules.iter().map(|rules| rules.json(names))).collect()
            }
        }
    }
}

impl Test {
    fn json(&self, names: &[&str]) -> Json {
        let mut list = vec![json!(names[usize::from(self.variable) % names.len()])];
        if self.negated {
            list.push(json!("!"));
        }
        let right = || self.right.as_ref().map(Element::json);
        let (word, right) = match &self.operator {
            Operator::Equal => ("==", right()),
            Operator::NotEqual => ("~=", right()),
            Operator::Less => ("<", right()),
            Operator::LessOrEqual => ("<=", right()),
            Operator::Greater => (">", right()),
            Operator::GreaterOrEqual => (">=", right()),
            Operator::Matches(pattern) => ("~~", Some(pattern.json())),
            Operator::MatchesAnyCase(pattern) => ("~*", Some(pattern.json())),
            Operator::In(items) => ("in", Some(items.iter().map(Element::json).collect())),
            Operator::Has => ("has", right()),
            Operator::IpMatch(networks) => match networks.as_slice() {
                [] => ("ipmatch", right()),
                [one] if self.shout => ("ipmatch", Some(json!(one.text()))),
                many => ("ipmatch", Some(many.iter().map(Network::text).collect())),
            },
            Operator::None => ("", None),
            Operator::Any(element) => {
                list.push(element.json());
                ("", right())
            }
        };
        if !word.is_empty() {
            list.push(json!(if self.shout { word.to_uppercase() } else { word.to_owned() }));
        } else if matches!(self.operator, Operator::None) {
            list.extend(self.right.as_ref().map(Element::json));
        }
        list.extend(right);
        list.extend(self.beyond.as_ref().map(Element::json));
        Json::Array(list)
    }
}

impl Element {
    pub fn json(&self) -> Json {
        self.at(0)
    }

    fn at(&self, depth: usize) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(bool) => json!(bool),
            Self::Small(number) => json!(number),
            Self::Integer(number) => json!(number),
            Self::Unsigned(number) => json!(number),
            Self::Float(number) => json!(number),
            Self::Half(number) => json!(f64::from(*number) / 2.0),
            Self::Word(index) => json!(WORDS[usize::from(*index) % WORDS.len()]),
            Self::Number(digits) => {
                json!(digits.iter().take(12).map(|d| d.text()).collect::<String>())
            }
            Self::Text(letters) => json!(text(letters)),
            Self::Address(address) => json!(address.text()),
            Self::Network(network) => json!(network.text()),
            Self::List(_) if depth > DEPTH => json!([]),
            Self::List(items) => items.iter().map(|item| item.at(depth + 1)).collect(),
            Self::Map => json!({"a": "b"}),
        }
    }
}

impl Digit {
    fn text(self) -> &'static str {
        match self {
            Self::Zero => "0",
            Self::One => "1",
            Self::Nine => "9",
            Self::A => "a",
            Self::B => "b",
            Self::E => "E",
            Self::X => "x",
            Self::P => "p",
            Self::Point => ".",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Blank => " ",
            Self::Inf => "inf",
            Self::Nan => "nan",
        }
    }
}

impl Letter {
    fn char(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
            Self::UpperA => 'A',
            Self::One => '1',
            Self::Slash => '/',
            Self::Dot => '.',
            Self::Dash => '-',
            Self::Space => ' ',
            Self::Tab => '\t',
            Self::Line => '\n',
            Self::Brace => '{',
            Self::Accent => 'é',
        }
    }
}

/// A short text.
pub fn text(letters: &[Letter]) -> String {
    letters.iter().take(12).map(|letter| letter.char()).collect()
}

impl Pattern {
    fn json(&self) -> Json {
        match self {
            Self::Of(atoms) => json!(sequence(atoms, 0)),
            // Texts of these may be no pattern to one side; numbers and the rest are no matter.
            Self::Literal(Element::Text(_) | Element::Number(_) | Element::Network(_)) => {
                json!("a")
            }
            Self::Literal(element) => element.json(),
        }
    }
}

/// What stands in a pattern or a group. A group that takes no text is not repeated by one engine,
/// so each has a letter.
fn sequence(atoms: &[(Atom, Quantifier)], depth: usize) -> String {
    let places = |(atom, _): &(Atom, Quantifier)| match atom {
        Atom::Place(_) | Atom::Quoted(_) => true,
        Atom::Group { kind, .. } => kind % 8 > 5,
        _ => false,
    };
    let bare = depth > 0 && atoms.iter().take(6).all(places);
    let text = atoms.iter().take(6).map(|(atom, quantifier)| atom.text(*quantifier, depth));
    text.chain(bare.then(|| "a".to_owned())).collect()
}

impl Atom {
    fn text(&self, quantifier: Quantifier, depth: usize) -> String {
        let pick = |list: &[&str], index: u8| list[usize::from(index) % list.len()].to_owned();
        let atom = match self {
            // As a person writes it, and `{` is no quantifier where no digit follows.
            Self::Letter(Letter::Dot) => r"\.".to_owned(),
            Self::Letter(letter) => letter.char().to_string(),
            Self::Any => ".".to_owned(),
            // A place is not repeated: engines differ in what they allow.
            Self::Place(index) => {
                return pick(&["^", "$", r"\b", r"\B", r"\A", r"\z", r"\Z"], *index);
            }
            Self::Class(index) => pick(&CLASSES, *index),
            Self::Set { items, .. } if items.is_empty() => "[]a]".to_owned(),
            Self::Set { negated, items } => {
                let items = items.iter().take(4).map(|item| item.text()).collect::<String>();
                format!("[{}{items}]", if *negated { "^" } else { "" })
            }
            Self::Group { .. } if depth > DEPTH => "(a)".to_owned(),
            Self::Group { kind, one, other } => {
                let one = sequence(one, depth + 1);
                let other = other.as_ref().map(|other| format!("|{}", sequence(other, depth + 1)));
                let body = one + &other.unwrap_or_default();
                match kind % 8 {
                    0..=2 => format!("({body})"),
                    3 => format!("(?:{body})"),
                    4 => format!("(?i:{body})"),
                    5 => format!("(?s:{body})"),
                    6 => return format!("(?={body})"),
                    _ => return format!("(?!{body})"),
                }
            }
            Self::Quoted(letters) => return format!(r"\Q{}\E", text(letters)),
            // Bytes, not characters: only ASCII ones are the same to both.
            Self::Hex { letter, braces } => {
                let code = u32::from(letter.char()) & 0x7f;
                if *braces { format!(r"\x{{{code:02x}}}") } else { format!(r"\x{code:02x}") }
            }
        };
        // What is not one byte is repeated as a whole by one engine and in part by the other.
        let atom = if atom == "é" { "(?:é)".to_owned() } else { atom };
        let sign = match quantifier {
            Quantifier::One => "",
            Quantifier::Maybe => "?",
            Quantifier::Many => "*",
            Quantifier::Some => "+",
            Quantifier::Twice => "{2}",
            Quantifier::FromOne => "{1,}",
            Quantifier::UpToTwo => "{0,2}",
            Quantifier::Lazy => "*?",
        };
        atom + sign
    }
}

const CLASSES: [&str; 8] = [r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\h", r"\H"];

impl Item {
    fn text(self) -> String {
        match self {
            Self::Letter(Letter::Dash) => r"\-".to_owned(),
            Self::Letter(Letter::Accent) => "e".to_owned(),
            Self::Letter(letter) => letter.char().to_string(),
            // Without `\H`, which is not read in a set.
            Self::Class(index) => CLASSES[usize::from(index) % 7].to_owned(),
            Self::Posix(index) => {
                let names =
                    ["alpha", "digit", "alnum", "upper", "lower", "space", "punct", "xdigit"];
                format!("[:{}:]", names[usize::from(index) % names.len()])
            }
            Self::Range => "a-b".to_owned(),
            Self::Bracket => "[".to_owned(),
            Self::Sign(index) => {
                ["&&", "~~", ".", "$", "|", "*", r"\]"][usize::from(index) % 7].to_owned()
            }
        }
    }
}

impl Address {
    pub fn ip(self) -> std::net::IpAddr {
        self.text().trim_matches(['[', ']']).parse().expect("it is an address")
    }

    pub fn text(self) -> String {
        let bits = self.bits;
        match self.family % 8 {
            0 | 1 => format!("10.0.0.{bits}"),
            2 => format!("10.{bits}.0.1"),
            3 => format!("{bits}.0.0.1"),
            4 => format!("::ffff:10.0.0.{bits}"),
            5 => format!("2001:db8::{bits:x}"),
            6 => format!("{bits:x}00::1"),
            _ => format!("[::{bits:x}]"),
        }
    }
}

impl Network {
    /// In CIDR notation, with no more bits than there are.
    pub fn text(&self) -> String {
        let address = self.address.text();
        let width = if self.address.family % 8 < 4 { 33 } else { 129 };
        match self.prefix {
            Some(prefix) => format!("{address}/{}", u16::from(prefix) % width),
            None => address,
        }
    }
}
