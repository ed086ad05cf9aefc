import Foundation

/// `DIR/NAME-SEED/`: the files of a run, and the progress of an interrupted run.
///
/// Each finished trial is kept as a *fragment* in the hidden folder `.trials`, and the other files
/// are made from the fragments, so it does not matter when, in which order or in how many attempts
/// the trials were run. A run is saved in three phases: a fragment per trial, then all other files,
/// then `finish`, which takes the folder away. A process that is killed in any of them leaves a run
/// that can be resumed, because every file and the end of the folder appear by being renamed.
package struct RunDirectory: Sendable {
  /// How to treat an existing run.
  package enum Existing: Sendable {
    case refuse
    /// Continue an unfinished run; start a new one if there is none.
    case resume
    /// Start again, whether the existing run is finished or not.
    case overwrite
  }

  package let path: String
  /// The directory of all runs.
  private let parent: String
  package let outline: RunOutline
  /// Trials of an earlier attempt, in order of their places.
  package let finishedBefore: [FinishedTrial]
  /// Keeps other processes out until `release` is called or the last copy of this value is gone.
  private let lock: RunLock

  static let fragments = ".trials"
  /// The name of the folder while it is being removed.
  private static let discarded = FileStore.temporaryPrefix + "trials"
  private static let identityName = "run.json"
  /// The name of a link, beside the runs, to the last completed run.
  static let latest = "latest"

  private var fragmentsPath: String { RunDirectory.path(path, RunDirectory.fragments) }

  /// The properties that all trials of one run share.
  struct Identity: Codable, Equatable {
    var outline: RunOutline
    var experiment: String
    var version: String
    var shard: Shard?

    /// Why the trials of the two cannot be of one run; nil if they can, even if their shards
    /// differ.
    func difference(from other: Identity) -> String? {
      if experiment != other.experiment || outline != other.outline {
        return "another experiment or seed"
      }
      if version != other.version { return "version \(version) of the program" }
      return shard?.count == other.shard?.count ? nil : "another number of shards"
    }
  }

  /// The content of the directory of an unfinished run or of a shard.
  struct Content {
    var identity: Identity
    var trials: [FinishedTrial]
    /// The file names of the histories.
    var histories: [String]
  }

  /// Makes the directory, or reads what an earlier attempt left there. Other processes are locked
  /// out as long as this value lives.
  ///
  /// - Parameters:
  ///   - parent: the directory of all runs; made if it does not exist.
  ///   - experiment: the resolved experiment, the text of `experiment.json5`.
  ///   - version: the program's version; trials of different versions are not mixed in one run.
  ///   - shard: the part of the run that is run here; nil for the whole run.
  package init(
    in parent: String, outline: RunOutline, experiment: String, version: String,
    shard: Shard? = nil, existing: Existing = .refuse
  ) throws(RunDirectoryError) {
    path = RunDirectory.path(parent, outline.directoryName(shard))
    self.parent = parent
    self.outline = outline
    let identity = Identity(
      outline: outline, experiment: experiment, version: version, shard: shard)
    if FileStore.kind(path) == .nothing { try FileStore.createDirectory(path) }
    if FileStore.kind(path) == .file { throw .notADirectory(path: path) }
    lock = try RunLock(path)
    finishedBefore = try RunDirectory.prepare(path, existing, identity)
    do {
      try FileStore.createDirectory(fragmentsPath)
      let text = try RunDirectory.encoder.encode(identity)
      try FileStore.write(
        Array(text), to: RunDirectory.path(fragmentsPath, RunDirectory.identityName))
      try FileStore.write(experiment, to: RunDirectory.path(path, "experiment.json5"))
    } catch let error as RunDirectoryError {
      throw error
    } catch {
      throw .cannotWrite(path: path, reason: "\(error)")
    }
  }

  /// Lets other processes use the directory.
  package func release() { lock.release() }

  /// Stores the trial, so that it need not be run again. Several threads may call this at once for
  /// different trials.
  package func keep(_ trial: FinishedTrial) throws(RunDirectoryError) {
    let file = RunDirectory.path(fragmentsPath, outline.fragmentName(trial.place))
    let bytes: [UInt8]
    do {
      bytes = Array(try RunDirectory.encoder.encode(trial))
    } catch {
      throw .cannotWrite(path: file, reason: "\(error)")
    }
    try FileStore.write(bytes, to: file)
  }

  /// Writes a further file of the run, such as a history.
  package func write(_ bytes: [UInt8], to name: String) throws(RunDirectoryError) {
    try FileStore.write(bytes, to: RunDirectory.path(path, name))
  }

  /// The same for a file that is made piece by piece; `make` passes each piece to `add`.
  package func write(
    to name: String,
    _ make: (_ add: ([UInt8]) throws(RunDirectoryError) -> Void) throws(RunDirectoryError) -> Void
  ) throws(RunDirectoryError) {
    try FileStore.write(to: RunDirectory.path(path, name), make)
  }

  /// Writes every CSV file, its schema and the manifest. The fragments stay, so that the run can be
  /// resumed.
  ///
  /// - Parameter trials: all finished trials, including those of earlier attempts, in any order.
  package func writeResults(
    _ trials: [FinishedTrial], manifest: Manifest
  ) throws(RunDirectoryError) {
    for file in ResultFile.all(outline) {
      try write(file.csv(trials), to: file.fileName)
    }
    try write(Array(DataPackage(outline: outline).text.utf8), to: "datapackage.json")
    if outline.traces {
      try write(Array(SpeedscopeFile.text(outline, trials).utf8), to: SpeedscopeFile.name)
    }
    try write(Array(manifest.text.utf8), to: RunDirectory.manifestName)
  }

  /// Ends a complete run whose files are all written: it can no longer be resumed.
  package func finish() throws(RunDirectoryError) {
    FileStore.link(
      RunDirectory.path(parent, RunDirectory.latest), to: outline.directoryName(nil))
    let discarded = RunDirectory.path(path, RunDirectory.discarded)
    // The folder vanishes at once. A process that is killed while it removes the files of the
    // renamed folder leaves a finished run, not one that has lost some of its trials.
    guard rename(fragmentsPath, discarded) == 0 else { throw .writing(fragmentsPath, errno: errno) }
    try FileStore.remove(discarded)
  }

  /// Writes only the manifest, because a shard's trials stay in fragments until they are merged.
  package func writeShard(_ manifest: Manifest) throws(RunDirectoryError) {
    try write(Array(manifest.text.utf8), to: RunDirectory.manifestName)
  }

  /// Removes the files of a run that failed before any trial was kept, so that it can simply be
  /// started again. Other files in the directory stay.
  package func discard() {
    guard let names = try? FileStore.names(in: path) else { return }
    try? RunDirectory.clear(path, names)
    rmdir(fragmentsPath)
    rmdir(path)
  }

  // MARK: What is there already

  private static let manifestName = "manifest.json"

  private static func prepare(
    _ path: String, _ existing: Existing, _ identity: Identity
  ) throws(RunDirectoryError) -> [FinishedTrial] {
    let names = try FileStore.names(in: path)
    if names.isEmpty { return [] }
    let isUnfinished = names.contains(fragments)
    guard isUnfinished || names.contains(manifestName) else { throw .foreign(path: path) }
    switch existing {
    case .overwrite:
      try clear(path, names)
      return []
    case .refuse:
      throw isUnfinished ? .unfinished(path: path) : .finished(path: path)
    case .resume:
      guard isUnfinished else {
        try removeTemporaryFiles(in: path)
        throw .nothingToResume(path: path)
      }
      return try finishedTrials(in: path, names, identity)
    }
  }

  /// Whether a run writes a file of this name. Files of other names are never removed.
  private static func isOfRun(_ name: String) -> Bool {
    name.hasSuffix(".csv") || (name.hasPrefix("history-") && name.hasSuffix(".edn"))
      || name.hasPrefix(FileStore.temporaryPrefix)
      || ["experiment.json5", manifestName, "datapackage.json", "report.html", SpeedscopeFile.name]
        .contains(name)
  }

  /// Removes all files of a run. If the process is killed half-way, an unfinished run without an
  /// identity is left.
  private static func clear(_ path: String, _ names: [String]) throws(RunDirectoryError) {
    let folder = self.path(path, fragments)
    try FileStore.createDirectory(folder)
    let kept = try FileStore.names(in: folder)
    for name in kept.filter({ $0 == identityName }) + kept.filter({ $0 != identityName }) {
      try FileStore.remove(self.path(folder, name))
    }
    for name in names where isOfRun(name) { try FileStore.remove(self.path(path, name)) }
  }

  private static func finishedTrials(
    in path: String, _ files: [String], _ identity: Identity
  ) throws(RunDirectoryError) -> [FinishedTrial] {
    let folder = self.path(path, fragments)
    let names = try FileStore.names(in: folder)
    // An earlier process was killed before its first trial, or while it removed an earlier run.
    guard names.contains(identityName) else {
      try clear(path, files)
      return []
    }
    let found = try decode(Identity.self, self.path(folder, identityName))
    if let what = found.difference(from: identity) { throw .different(path: path, what: what) }
    for folder in [path, folder] { try removeTemporaryFiles(in: folder) }
    return try trials(in: folder, identity.outline)
  }

  /// Removes what a killed process was about to write or to remove.
  private static func removeTemporaryFiles(in folder: String) throws(RunDirectoryError) {
    for name in try FileStore.names(in: folder) where name.hasPrefix(FileStore.temporaryPrefix) {
      try FileStore.remove(path(folder, name))
    }
  }

  private static func trials(
    in folder: String, _ outline: RunOutline
  ) throws(RunDirectoryError) -> [FinishedTrial] {
    let names = Set(try FileStore.names(in: folder))
    var trials: [FinishedTrial] = []
    for place in outline.places {
      let name = outline.fragmentName(place)
      guard names.contains(name) else { continue }
      trials.append(try decode(FinishedTrial.self, path(folder, name)))
    }
    return trials
  }

  /// The stored content of an unfinished run or a shard.
  static func content(of path: String) throws(RunDirectoryError) -> Content {
    let folder = self.path(path, fragments)
    let identityPath = self.path(folder, identityName)
    guard FileStore.kind(identityPath) == .file else { throw .notAShard(path: path) }
    let identity = try decode(Identity.self, identityPath)
    let histories = try FileStore.names(in: path).filter {
      $0.hasPrefix("history-") && $0.hasSuffix(".edn")
    }
    return Content(
      identity: identity, trials: try trials(in: folder, identity.outline), histories: histories)
  }

  /// The same value always gives the same bytes.
  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return encoder
  }

  private static func decode<Value: Decodable>(
    _ type: Value.Type, _ path: String
  ) throws(RunDirectoryError) -> Value {
    let data = try FileStore.read(path)
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch {
      throw .cannotRead(path: path, reason: "it is damaged; use --force to start again")
    }
  }

  private static func path(_ directory: String, _ name: String) -> String {
    FileStore.join(directory, name)
  }
}
