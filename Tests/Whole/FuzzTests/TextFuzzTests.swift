import Configuration
import Experiments
import Foundation
import Histories
import Primitives
import ProtocolList
import Replication
import Testing

/// The files that people write, and the histories that other programs write.
enum TextCorpus {
  static func files(_ folder: String, ending: String) throws -> [[UInt8]] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let path = root.appending(path: folder).path
    return try FileManager.default.subpathsOfDirectory(atPath: path)
      .filter { $0.hasSuffix(ending) }.sorted()
      .map { Array(try Data(contentsOf: URL(filePath: "\(path)/\($0)"))) }
  }

  /// The experiments in the repository, their printed forms, and one with every section.
  static func experiments() throws -> [[UInt8]] {
    let files = try files("experiments", ending: ".json5")
    let printed = try files.map { file in
      Array(
        try ExperimentPlan.read(
          text: String(decoding: file, as: UTF8.self), file: "x"
        ).resolvedText.utf8)
    }
    return files + printed.prefix(4) + sections.map { Array($0.utf8) }
  }

  private static let sections = [
    """
    { runtime: "cluster", tolerates: 1, targets: { r: { redis: "127.0.0.1:6379" } },
      sweep: { "workload.clients": [1, 8], "options.raft.preVote": [true, false] },
      options: { raft: { electionTimeout: ["150ms", "300ms"], inFlightLimit: 0x40 } }, disk: "none" }
    """,
    """
    { network: { latency: { lognormal: "250us", sigma: 0.2 }, loss: 1e-3, bandwidth: "1Gbit/s",
        links: [{ from: 0, to: 1, latency: "2ms" }] },
      cpu: { perMessage: "2us" }, disk: { fsync: "1ms", groupCommit: false },
      workload: { arrival: { poisson: "5000/s" }, distribution: { zipfian: .99 }, keys: 1000 } }
    """,
    """
    { faults: [{ at: '1s', 'slow-cpu': 'leader', factor: 3, for: '2s' },
        { at: '2s', link: 'follower', loss: 0.5, latency: '5ms', bandwidth: '1MB/s', for: '1s' },
        { at: '3s', clock: 0, drift: 0.1, for: '1s' }, { at: '4s', partition: [[0], [1, 2]], for: '1s' },
        { chaos: { mtbf: '1s', mttr: '500ms', kinds: ['crash', 'clock'] }, from: '2s', until: '8s' }] }
    """,
  ]

  static let hosts: [[UInt8]] = [
    "{ cluster: 'bench-1', protocol: 'raft', nodes: ['10.0.0.1:7400', '[::1]:7400', '10.0.0.3:7400'] }",
    """
    { cluster: 'b', protocol: 'chain-replication', nodes: ['127.0.0.1:7400', '127.0.0.1:7401'],
      authority: ['127.0.0.1:7500', '127.0.0.1:7501'], options: { ping: '20ms' } }
    """,
  ].map { Array($0.utf8) }

  static let overrides: [[UInt8]] = [
    "workload.clients=64", "options.raft.preVote=false", "faults[0].at='2s'",
    "network={ loss: 0.1 }",
    "sweep.replicas=[3, 5]", "name=hello",
  ].map { Array($0.utf8) }

  /// Pieces of text with a meaning in these languages.
  static let pieces: [[UInt8]] = [
    "0", "-1", "1e999", "0x7fffffffffffffffffffffffffffffffffff",
    "170141183460469231731687303715884105727",
    "9223372036854775807", "-9223372036854775808", "[]", "{}", "null", "NaN", "-Infinity", "'",
    "\"",
    ":", ",", "]", "}", "[[[[", "{a:{a:{a:", "\\u0000", "\\ud800\\udc00", "\\x", "//", "/*", "*/",
    "true", "\"1h\"", "\"99999999999h\"", "\"1e18ns\"", "\"100%\"", "sweep: {", "faults: [", "#_",
    "#{",
    "(", "\\c", ":ok", ":cas", "nil", "\u{FEFF}", "\u{2028}", "\u{301}", "\u{0}",
  ].map { Array($0.utf8) }

  /// A text of the corpus, with damaged bytes and words.
  static func damaged(_ corpus: [[UInt8]], _ random: inout RandomStream) -> String {
    var bytes = corpus[random.below(corpus.count)]
    for _ in 0..<random.below(4) {
      let start = random.below(bytes.count + 1)
      let end = min(bytes.count, start + random.below(8))
      bytes.replaceSubrange(start..<end, with: pieces[random.below(pieces.count)])
    }
    if random.chance(0.4) {
      Mutation.apply(to: &bytes, other: corpus[random.below(corpus.count)], random: &random)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

@Suite("Fuzzing: files")
struct TextFuzzTests {
  @Test("A damaged experiment is read and prints an equal one, or is refused in one line")
  func experiments() throws {
    let corpus = try TextCorpus.experiments()
    let run = FuzzRun("TextFuzzTests/experiments", label: 0xE0, permille: 50)
    var accepted = 0
    try run.forEachInput { random in
      let text = TextCorpus.damaged(corpus, &random)
      do throws(ExperimentError) {
        let plan = try ExperimentPlan.read(text: text, file: "x.json5")
        accepted += 1
        let printed = try ExperimentPlan.read(
          text: plan.resolvedText, file: "again.json5")
        return printed.experiment == plan.experiment && printed.points == plan.points
          ? nil : "it is printed as another one: \(text.debugDescription)"
      } catch {
        return TextFuzzTests.problem(of: "\(error)", about: "x.json5", text)
      }
    }
    #expect(run.inputCount < 500 || accepted > run.inputCount / 50)
  }

  @Test("A damaged hosts file is read and prints an equal one, or is refused in one line")
  func hosts() throws {
    let run = FuzzRun("TextFuzzTests/hosts", label: 0xE1, permille: 20)
    try run.forEachInput { random in
      let text = TextCorpus.damaged(TextCorpus.hosts, &random)
      do throws(ExperimentError) {
        let hosts = try HostsFile.read(text: text, file: "h.json5")
        let printed = try HostsFile.read(text: hosts.text, file: "again.json5")
        return printed == hosts ? nil : "it is printed as another one: \(text.debugDescription)"
      } catch {
        return TextFuzzTests.problem(of: "\(error)", about: "h.json5", text)
      }
    }
  }

  @Test("A damaged --set argument is applied, or refused in one line")
  func overrides() throws {
    let run = FuzzRun("TextFuzzTests/overrides", label: 0xE2, permille: 10)
    try run.forEachInput { random in
      let text = TextCorpus.damaged(TextCorpus.overrides, &random)
      do throws(ExperimentError) {
        _ = try ExperimentPlan.read(
          text: "{ faults: [{ at: '1s', crash: 0 }] }", file: "x.json5",
          overrides: [try Override(set: text)])
        return nil
      } catch {
        // An error that an argument causes elsewhere is reported about the file.
        let subject = "\(error)".hasPrefix("--set") ? "--set" : "x.json5"
        return TextFuzzTests.problem(of: "\(error)", about: subject, text)
      }
    }
  }

  /// Checks that a refusal is one line that begins with its subject.
  private static func problem(of line: String, about subject: String, _ text: String) -> String? {
    let isOneLine = !line.unicodeScalars.contains { $0 == "\n" || $0 == "\r" || $0 == "\0" }
    guard isOneLine, line.hasPrefix(subject) else {
      return "\(line.debugDescription) is said about \(text.debugDescription)"
    }
    return nil
  }

  @Test("A damaged history is read or refused")
  func histories() throws {
    let folder = "Tests/Analysis/LinearizabilityTests/Fixtures"
    let maps = try TextCorpus.files(folder, ending: ".edn").map { Array($0.prefix(3000)) }
    let logs = try TextCorpus.files(folder, ending: ".log").map { Array($0.prefix(3000)) }
    #expect(maps.count >= 3 && logs.count >= 3)
    let own = Array(JepsenHistory.edn(try JepsenLog.operations(text(logs[0]))).utf8)
    let run = FuzzRun("TextFuzzTests/histories", label: 0xE3, permille: 40)
    var accepted = 0
    try run.forEachInput { random in
      let isLog = random.chance(0.3)
      let text = TextCorpus.damaged(isLog ? logs : maps + [own], &random)
      do throws(HistoryError) {
        let operations =
          isLog ? try JepsenLog.operations(text) : try JepsenHistory.operations(edn: text)
        accepted += 1
        guard operations.count <= text.utf8.count else { return "\(operations.count) operations" }
        _ = JepsenHistory.edn(operations)
        return nil
      } catch {
        return error.line >= 1 ? nil : "an error in line \(error.line)"
      }
    }
    #expect(run.inputCount < 500 || accepted > run.inputCount / 100)
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
