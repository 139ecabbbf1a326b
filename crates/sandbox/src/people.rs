//! Who can sign in here.

use sha2::{Digest as _, Sha256};

/// A person with an account at the sandbox.
#[derive(Clone)]
pub struct Person {
    /// What they type into the user name field.
    pub username: String,
    /// What they type into the password field. The default people have published ones.
    pub password: String,
    /// The issuer's name for them (`sub`), never reassigned.
    pub subject: String,
    /// GitHub's name for them: a number.
    pub number: u64,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// Their e-mail address; counts as verified.
    pub email: String,
    /// Their phone number; counts as verified.
    pub phone: String,
    /// Where they get their letters.
    pub address: Address,
}

/// A postal address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// House and street.
    pub street: String,
    /// Town.
    pub town: String,
    /// Postal code.
    pub postal_code: String,
    /// Country.
    pub country: String,
}

impl Person {
    /// Someone whose password is their user name. `number` tells people apart and makes the subject.
    pub fn new(username: &str, given_name: &str, family_name: &str, number: u64) -> Self {
        Self {
            username: username.to_owned(),
            password: username.to_owned(),
            subject: format!("person-{number}"),
            number,
            given_name: given_name.to_owned(),
            family_name: family_name.to_owned(),
            email: format!("{username}@example.test"),
            // Numbers that are given to nobody, for stories.
            phone: format!("+1 202 555 01{:02}", number % 100),
            address: Address {
                street: format!("{number} Sandbox Street"),
                town: "Exampleton".to_owned(),
                postal_code: "00000".to_owned(),
                country: "Nowhere".to_owned(),
            },
        }
    }

    /// Ann Archer and Bob Baker.
    pub fn defaults() -> Vec<Self> {
        vec![
            Self::new("ann", "Ann", "Archer", 1001),
            Self::new("bob", "Bob", "Baker", 1002),
        ]
    }

    /// Both names.
    pub fn name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }

    /// A portrait as a PNG: a small mosaic of two colours, the same in both halves and different for everyone.
    pub fn portrait(&self) -> Vec<u8> {
        const TILES: usize = 8;
        const TILE: usize = 12;
        const COLOURS: [[u8; 3]; 6] = [
            [15, 118, 110],
            [76, 67, 158],
            [158, 67, 91],
            [138, 90, 20],
            [45, 105, 60],
            [40, 95, 150],
        ];
        let digest = Sha256::digest(self.username.as_bytes());
        let colour = COLOURS[usize::try_from(self.number).unwrap_or_default() % COLOURS.len()];
        let light = colour.map(|part| part / 4 + 190);
        let side = TILES * TILE;
        let mut pixels = Vec::with_capacity(side * side * 3);
        for y in 0..side {
            for x in 0..side {
                let column = (x / TILE).min(TILES - 1 - x / TILE);
                let set = digest[y / TILE] >> column & 1 == 1;
                pixels.extend_from_slice(if set { &colour } else { &light });
            }
        }
        u32::try_from(side)
            .ok()
            .and_then(|side| encoded(&pixels, side).ok())
            .unwrap_or_default()
    }
}

/// A square picture of red, green and blue bytes as a PNG.
fn encoded(pixels: &[u8], side: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(file)
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Person({} {})", self.username, self.subject)
    }
}
