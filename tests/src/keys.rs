//! Credentials the tests use, each with its SHA-256 as a config names it.

/// A credential of the config.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name in the config and in access lines.
    pub name: &'static str,
    /// What the client sends.
    pub token: &'static str,
    /// What the config holds.
    pub sha256: &'static str,
}

/// The master key every gateway of the tests is started with.
pub const MASTER: &str = "fgw_master-key-of-the-black-box-tests";

/// A key that may call models and nothing else.
pub const APP: Key = Key {
    name: "app",
    token: "fgw_61afc4e5794b6fff1d65219dda438b0a9c2fcaf5f02d3ced97d3001c0ce02d4c",
    sha256: "b390a999254ff40514082e6aac2b99f43bc8bae0e64accd20064fd3df07bd377",
};

/// A key that may read and nothing else.
pub const EYES: Key = Key {
    name: "eyes",
    token: "fgw_73e137d1da910975778921694a80aef0fd78cb9150614307f9e44ce454f2d962",
    sha256: "f17fe7e8238c80cde9c1081e51fa08490d394a03c4b2daa7d5d8e059a2cb6e6c",
};

/// A key that may do everything.
pub const ROOT: Key = Key {
    name: "root",
    token: "fgw_36b31e86729cc5bca2e4b834558407ab0bb24aa4c7aca470001be4b73d385fff",
    sha256: "3b270a2db7a0b03479e11ed0556d06f25857024da96983e97f04b0ffafee35a9",
};

/// A key whose time has passed.
pub const OLD: Key = Key {
    name: "old",
    token: "fgw_4b1de8363fcc03eea1bb49bf658367f2c3d33e896b1997014bb37f7f1ba5fa5f",
    sha256: "affd081625af0ada915a5ac86f4bb94b6b9e8a2a11ba9c4fa453342d9225be2c",
};

/// A key that is switched off.
pub const OFF: Key = Key {
    name: "off",
    token: "fgw_7888a6fd08b7c663d38951d8781a451a730cd8ae1abc73bd1a6468b5a0cf06f8",
    sha256: "38ae30188c346a2c7b13c3266738bdbbbb2ff5fc1e8df9353c10d5d99d77a117",
};

/// A key for one model.
pub const NARROW: Key = Key {
    name: "narrow",
    token: "fgw_844766d0195c0257acff034eacaedf6de53ef92214c72ef3a6dae1b2f15758dc",
    sha256: "44f23c661a4002726e28766fd5e12a8e60ef2a96370703dd9567da09d1def99c",
};

/// A key whose entry names no scopes.
pub const BARE: Key = Key {
    name: "bare",
    token: "fgw_386b234aa4236f80dfb636ce748e8da9efddf9a1b2f0edc931d57f0e107132e2",
    sha256: "9680d78e20240d97eb523b52f760f48cfcb31c82be9dc50563486c20e5b3f967",
};
