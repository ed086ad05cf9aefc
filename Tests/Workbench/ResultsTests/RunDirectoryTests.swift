import Configuration
import Experiments
import Foundation
import Testing

@testable import Results

@Suite struct RunDirectoryTests {
  /// Smaller than the other tests' outline, because every summary costs a bootstrap per metric.
  private let outline = RunOutline(
    name: "leader-crash", seed: 7, protocols: ["raft", "chain"], trials: 2)
  private var allTrials: [FinishedTrial] { outline.places.map { finished($0) } }

  private func manifest(
    _ trials: [FinishedTrial], at time: Double = 0, targets: [TargetChoice] = []
  ) -> Manifest {
    Manifest(
      outline: outline, finished: trials, runtime: "simulation", targets: targets,
      version: "0.1", gitRevision: "",
      startedAt: Date(timeIntervalSince1970: time), wallTime: time / 3,
      machine: Machine(
        host: "h", cores: 2, operatingSystem: "Linux", architecture: "x86_64", toolchain: "Swift"))
  }

  private func directory(
    _ parent: String, _ existing: RunDirectory.Existing = .refuse, experiment: String = "{}\n",
    version: String = "0.1"
  ) throws(RunDirectoryError) -> RunDirectory {
    try RunDirectory(
      in: parent, outline: outline, experiment: experiment, version: version, existing: existing)
  }

  private func contents(_ path: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: path)
    where name != "manifest.json" && name != ".trials" {
      files[name] = try Data(contentsOf: URL(fileURLWithPath: path + "/" + name))
    }
    return files
  }

  @Test("An uninterrupted run and a resumed run leave the same bytes")
  func resume() throws {
    try inTemporaryDirectory { parent in
      let whole = try directory(parent + "/a/b")
      for trial in allTrials { try whole.keep(trial) }
      try whole.writeResults(allTrials, manifest: manifest(allTrials))
      try whole.finish()

      let first = try directory(parent + "/c")
      let some = [allTrials[3], allTrials[0]]
      for trial in some { try first.keep(trial) }
      try first.writeResults(some, manifest: manifest(some, at: 1_000))
      #expect(try contents(first.path)["trials.csv"] != contents(whole.path)["trials.csv"])

      first.release()

      let second = try directory(parent + "/c", .resume)
      #expect(second.finishedBefore == [allTrials[0], allTrials[3]])
      let rest = allTrials.filter { !second.finishedBefore.contains($0) }
      for trial in rest.reversed() { try second.keep(trial) }
      let all = rest + second.finishedBefore
      try second.writeResults(all, manifest: manifest(all, at: 2_000))
      try second.finish()

      #expect(try contents(whole.path) == contents(second.path))
      #expect(try contents(whole.path).count == 11)
      #expect(!FileManager.default.fileExists(atPath: second.path + "/.trials"))
    }
  }

  @Test("The manifest says whether the run is complete, and only it holds wall-clock times")
  func manifestText() throws {
    struct Read: Decodable {
      var complete: Bool
      var trialsFinished: Int
      var startedAt: String
      var wallTimeS: Double
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    func read(_ trials: [FinishedTrial]) throws -> Read {
      try decoder.decode(Read.self, from: Data(manifest(trials, at: 60).text.utf8))
    }
    #expect(try read(allTrials).complete && read(allTrials).trialsFinished == 4)
    #expect(try !read([allTrials[0]]).complete)
    #expect(try read([]).startedAt == "1970-01-01T00:01:00Z" && read([]).wallTimeS == 20)
    #expect(Machine.current.cores > 0 && !Machine.current.host.isEmpty)
  }

  @Test("The manifest names the other systems that took part")
  func manifestTargets() throws {
    struct Read: Decodable {
      struct Target: Decodable, Equatable {
        var name: String
        var kind: String
        var address: String
        var wait: Int
      }
      var targets: [Target]
    }
    let target = TargetChoice(name: "mine", kind: .redis, address: "127.0.0.1:6379", wait: 2)
    let text = manifest(allTrials, targets: [target]).text
    let read = try JSONDecoder().decode(Read.self, from: Data(text.utf8))
    #expect(
      read.targets
        == [Read.Target(name: "mine", kind: "redis", address: "127.0.0.1:6379", wait: 2)])
  }

  @Test("A finished run is not overwritten unless asked, and cannot be resumed")
  func finishedRun() throws {
    try inTemporaryDirectory { parent in
      let run = try directory(parent)
      try run.write([1], to: outline.historyFileName(outline.places[0]))
      try run.writeResults(allTrials, manifest: manifest(allTrials))
      try run.finish()
      try Data().write(to: URL(fileURLWithPath: run.path + "/notes.txt"))
      for existing in [RunDirectory.Existing.refuse, .resume, .overwrite] {
        #expect(throws: RunDirectoryError.inUse(path: run.path)) { try directory(parent, existing) }
      }
      run.release()
      #expect(throws: RunDirectoryError.finished(path: run.path)) { try directory(parent) }
      #expect(throws: RunDirectoryError.nothingToResume(path: run.path)) {
        try directory(parent, .resume)
      }
      let again = try directory(parent, .overwrite)
      #expect(again.finishedBefore.isEmpty)
      // Files that no run writes stay.
      #expect(try contents(again.path).keys.sorted() == ["experiment.json5", "notes.txt"])
    }
  }

  @Test("An unfinished run is resumed only with the same experiment, seed and version")
  func unfinishedRun() throws {
    try inTemporaryDirectory { parent in
      let run = try directory(parent, .resume)
      try run.keep(allTrials[0])
      run.release()
      #expect(throws: RunDirectoryError.unfinished(path: run.path)) { try directory(parent) }
      #expect(
        throws: RunDirectoryError.different(path: run.path, what: "another experiment or seed")
      ) { try directory(parent, .resume, experiment: "{ trials: 2 }") }
      #expect(
        throws: RunDirectoryError.different(path: run.path, what: "version 0.1 of the program")
      ) { try directory(parent, .resume, version: "0.2") }
      #expect(try directory(parent, .resume).finishedBefore == [allTrials[0]])

      let fragment = run.path + "/.trials/raft-1-1.json"
      try Data("{".utf8).write(to: URL(fileURLWithPath: fragment))
      #expect(
        throws: RunDirectoryError.cannotRead(
          path: fragment, reason: "it is damaged; use --force to start again")
      ) { try directory(parent, .resume) }
      #expect(try directory(parent, .overwrite).finishedBefore.isEmpty)
    }
  }

  @Test("If a process was killed while it removed an earlier run, none of its trials is reused")
  func killedWhileClearing() throws {
    try inTemporaryDirectory { parent in
      let run = try directory(parent)
      try run.keep(allTrials[0])
      for name in [".writing-trials.csv", "trials.csv"] {
        try run.write([1], to: name)
      }
      run.release()
      _ = try directory(parent, .resume)
      #expect(try contents(run.path).keys.sorted() == ["experiment.json5", "trials.csv"])

      try FileManager.default.removeItem(atPath: run.path + "/.trials/run.json")
      #expect(try directory(parent, .resume, experiment: "{ }").finishedBefore.isEmpty)
      #expect(try directory(parent, .resume, experiment: "{ }").finishedBefore.isEmpty)
      #expect(try contents(run.path).keys.sorted() == ["experiment.json5"])
    }
  }

  @Test("A file in the way is named and left alone")
  func inTheWay() throws {
    try inTemporaryDirectory { parent in
      let path = parent + "/leader-crash-7"
      let file = URL(fileURLWithPath: path)
      try Data("x".utf8).write(to: file)
      for existing in [RunDirectory.Existing.refuse, .resume, .overwrite] {
        #expect(throws: RunDirectoryError.notADirectory(path: path)) {
          try directory(parent, existing)
        }
      }
      // A file stands in place of the directory of all runs.
      #expect(throws: RunDirectoryError.notADirectory(path: path)) { try directory(path) }
      try FileManager.default.removeItem(at: file)

      try FileManager.default.createDirectory(at: file, withIntermediateDirectories: true)
      _ = try directory(parent)
      try FileManager.default.removeItem(at: file)
      try FileManager.default.createDirectory(at: file, withIntermediateDirectories: true)
      try Data("x".utf8).write(to: URL(fileURLWithPath: path + "/thesis.tex"))
      #expect(throws: RunDirectoryError.foreign(path: path)) { try directory(parent, .overwrite) }
      #expect(try contents(path).keys.sorted() == ["thesis.tex"])
    }
  }

  @Test("The error for a directory that cannot be made or written gives the system's reason")
  func systemErrors() throws {
    #expect(
      throws: RunDirectoryError.cannotCreate(
        path: "/proc/rsmbench", reason: "no such file or directory")
    ) { try directory("/proc/rsmbench/results") }
    #expect(RunDirectoryError.writing("f", errno: ENOSPC) == .diskFull(path: "f"))
    #expect(
      RunDirectoryError.writing("f", errno: EACCES)
        == .cannotWrite(path: "f", reason: "permission denied"))
    #expect(RunDirectoryError.creating("d", errno: ENOSPC) == .diskFull(path: "d"))
    try inTemporaryDirectory { parent in
      let run = try directory(parent)
      try FileManager.default.createDirectory(
        atPath: run.path + "/trials.csv", withIntermediateDirectories: true)
      #expect(throws: RunDirectoryError.self) { try run.write([1], to: "trials.csv") }
      // The temporary file is removed.
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: run.path).sorted()
          == [".trials", "experiment.json5", "trials.csv"])
    }
    for error in [RunDirectoryError.finished(path: "x"), .diskFull(path: "x")] {
      #expect(!"\(error)".contains("\n") && "\(error)".contains("x"))
    }
  }

  @Test(
    "History files are named after protocol and trial, and after the point if there are several")
  func historyNames() {
    let place = TrialPlace(point: 1, protocolIndex: 0, trial: 3)
    let sweep = ResultsTests.outline
    #expect(sweep.historyFileName(place) == "history-raft-2-3.edn")
    let single = RunOutline(name: "x", seed: 1, protocols: ["raft"], trials: 3)
    #expect(
      single.historyFileName(TrialPlace(point: 0, protocolIndex: 0, trial: 3))
        == "history-raft-3.edn")
    #expect(Set(sweep.places.map(sweep.fragmentName)).count == sweep.places.count)
  }

  @Test("Paths are split and joined, including names of one character")
  func paths() {
    let parts: [(path: String, parent: String, name: String)] = [
      ("a", "", "a"), ("a/b", "a", "b"), ("/a", "/", "a"), ("/", "/", ""), ("a/", "", "a"),
      ("a//b//", "a", "b"), ("/tmp/a.b/c", "/tmp/a.b", "c"), ("", "", ""),
    ]
    for (path, parent, name) in parts {
      #expect(FileStore.split(path) == (parent, name))
    }
    #expect(FileStore.join("", "a") == "a")
    #expect(FileStore.join("a", "b") == "a/b")
    #expect(FileStore.join("/", "b") == "/b")
  }
}
