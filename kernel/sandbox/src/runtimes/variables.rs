//! Variables of managed runtimes, by which they find what packages, layers and this machine bring.

use super::{Interpreter, ManagedRuntime};
use std::path::{Path, PathBuf};

impl ManagedRuntime {
    /// What a function of it has in its environment besides, where its code, its layers and the bootstraps lie in
    /// folders.
    ///
    /// Evidence: environments of `ruby3.2` to `ruby3.4` and `dotnet10` recorded on AWS (LocalStack, `test_introspection_invoke`); the
    /// gems that AWS brings lie in `/var/runtime`, here where this machine has them.
    pub fn variables(
        self,
        interpreter: &Interpreter,
        (code, layers): (&Path, Option<&Path>),
        bootstraps: &Path,
    ) -> Vec<(&'static str, String)> {
        if let Self::Dotnet { .. } = self {
            let home = interpreter.path.parent().unwrap_or(Path::new("/"));
            return vec![
                ("DOTNET_ROOT", home.display().to_string()),
                ("LAMBDA_RUNTIME_NAME", self.to_string()),
            ];
        }
        let Self::Ruby { major, minor } = self else { return Vec::new() };
        let version = format!("{major}.{minor}.0");
        let of_code = code.join("vendor/bundle/ruby").join(&version);
        let of_layers = layers.map(|layers| layers.join("ruby/gems").join(&version));
        let gems = [of_code].into_iter().chain(of_layers).chain(interpreter.gems.iter().cloned());
        let files = [code.to_owned()].into_iter().chain(layers.map(|layers| layers.join("ruby/lib")));
        let home = bootstraps.display().to_string();
        vec![("GEM_HOME", home), ("GEM_PATH", joined(gems)), ("RUBYLIB", joined(files))]
    }
}

fn joined(places: impl Iterator<Item = PathBuf>) -> String {
    places.map(|place| place.display().to_string()).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gems_are_those_of_the_package_then_of_layers_then_of_the_machine() {
        let interpreter = Interpreter {
            path: "/usr/bin/ruby3.3".into(),
            version: "3.3.8".to_owned(),
            sdk: None,
            gems: vec!["/var/lib/gems/3.3.0".into()],
        };
        let of = |runtime: &str, layers: Option<&str>| {
            let runtime = ManagedRuntime::parse(runtime).unwrap();
            let folders = (Path::new("/var/task"), layers.map(Path::new));
            runtime.variables(&interpreter, folders, Path::new("/var/runtime"))
        };
        let expected = [
            ("GEM_HOME", "/var/runtime".to_owned()),
            (
                "GEM_PATH",
                "/var/task/vendor/bundle/ruby/3.3.0:/opt/ruby/gems/3.3.0:/var/lib/gems/3.3.0".to_owned(),
            ),
            ("RUBYLIB", "/var/task:/opt/ruby/lib".to_owned()),
        ];
        assert_eq!(of("ruby3.3", Some("/opt")), expected);
        assert_eq!(of("ruby3.3", None)[2].1, "/var/task");
        assert_eq!(of("python3.11", Some("/opt")), []);
    }
}
