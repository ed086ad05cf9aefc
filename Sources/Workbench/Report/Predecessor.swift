import Results

/// The earlier run that a run is compared with: the one beside it, in the same directory, that was
/// started last before it, of an experiment of the same name. A run's directory is called
/// `NAME-SEED`, so an earlier run with the same seed is elsewhere, or was replaced.
enum Predecessor {
  /// The directory of the earlier run; `nil` if there is none.
  static func directory(of run: String, _ about: RunFacts) -> String? {
    let (parent, own) = FileStore.split(FileStore.resolved(run))
    guard let names = try? FileStore.names(in: parent) else { return nil }
    let earlier = names.compactMap { name -> (started: String, path: String)? in
      // `latest` is a link to one of the others.
      guard name != own, name.hasPrefix("\(about.name)-") else { return nil }
      let path = FileStore.join(parent, name)
      guard RunFacts.fileNames.allSatisfy({ FileStore.kind(FileStore.join(path, $0)) == .file }),
        let facts = try? RunFacts(directory: path), facts.name == about.name, facts.isComplete,
        facts.runtime == about.runtime
      else { return nil }
      let (mine, other) = (about.manifest("started_at"), facts.manifest("started_at"))
      // Two short runs may start in the same second; then the seed, which is part of the name.
      guard (other, Int(facts.seed) ?? 0) < (mine, Int(about.seed) ?? 0) else { return nil }
      return (other, path)
    }
    return earlier.max { $0.started < $1.started }?.path
  }
}
