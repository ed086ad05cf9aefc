import Configuration
import Experiments
import Foundation

/// `manifest.json`: where, when and with what a run was made. Only this file holds wall-clock
/// times.
package struct Manifest: Sendable, Equatable {
  package var name: String
  package var seed: UInt64
  /// `simulation` or `cluster`.
  package var runtime: String
  /// The other systems that took part.
  package var targets: [TargetChoice]
  /// The program's version.
  package var version: String
  /// Empty if unknown.
  package var gitRevision: String
  package var machine: Machine
  /// Whether idle processors were kept from sleeping, in trials in real time.
  package var processorsKeptAwake: Bool
  /// Warnings about values in the experiment that are valid but probably a mistake.
  package var warnings: [String]
  package var startedAt: Date
  /// The wall time of this attempt, seconds.
  package var wallTime: Double
  /// The part of the run that this directory holds; nil if it holds the whole run.
  package var shard: Shard?
  /// Whether no trial is left to run.
  package var isComplete: Bool
  package var trialsPlanned: Int
  /// Trials finished, including those of earlier attempts.
  package var trialsFinished: Int
  package var verdicts: [TrialVerdict.Word: Int]

  /// - Parameter finished: all finished trials.
  package init(
    outline: RunOutline, finished: [FinishedTrial], shard: Shard? = nil, runtime: String,
    targets: [TargetChoice] = [], version: String, gitRevision: String,
    warnings: [String] = [], startedAt: Date, wallTime: Double, processorsKeptAwake: Bool = false,
    machine: Machine = .current
  ) {
    name = outline.name
    seed = outline.seed
    self.runtime = runtime
    self.targets = targets
    self.version = version
    self.gitRevision = gitRevision
    self.machine = machine
    self.processorsKeptAwake = processorsKeptAwake
    self.warnings = warnings
    self.startedAt = startedAt
    self.wallTime = wallTime
    self.shard = shard
    isComplete = outline.next(after: finished, of: shard).isEmpty
    trialsPlanned = isComplete ? finished.count : outline.mostTrials(of: shard)
    trialsFinished = finished.count
    verdicts = Dictionary(finished.map { ($0.verdict.word, 1) }, uniquingKeysWith: +)
  }

  var text: String {
    let words = TrialVerdict.Word.allCases.compactMap { word in
      verdicts[word].map { JSONText.Member(word.rawValue, .integer($0)) }
    }
    return JSONText.object([
      .init("name", .string(name)),
      .init("seed", .unsigned(seed)),
      .init("runtime", .string(runtime)),
      .init(
        "targets",
        .array(
          targets.map {
            .object([
              .init("name", .string($0.name)), .init("kind", .string($0.kind.rawValue)),
              .init("address", .string($0.address)), .init("wait", .integer($0.wait)),
            ])
          })),
      .init("shard", shard.map { .string($0.description) } ?? .null),
      .init("complete", .bool(isComplete)),
      .init("trials_planned", .integer(trialsPlanned)),
      .init("trials_finished", .integer(trialsFinished)),
      .init("verdicts", .object(words)),
      .init("warnings", .array(warnings.map { .string($0) })),
      .init("version", .string(version)),
      .init("git_revision", gitRevision.isEmpty ? .null : .string(gitRevision)),
      .init("toolchain", .string(machine.toolchain)),
      .init("host", .string(machine.host)),
      .init("cores", .integer(machine.cores)),
      .init("operating_system", .string(machine.operatingSystem)),
      .init("architecture", .string(machine.architecture)),
      .init("processors_kept_awake", .bool(processorsKeptAwake)),
      .init("started_at", .string(startedAt.ISO8601Format())),
      .init("wall_time_s", .number((wallTime * 1000).rounded() / 1000)),
    ]).text
  }
}

/// The machine and the compiler.
package struct Machine: Sendable, Equatable {
  package var host: String
  package var cores: Int
  package var operatingSystem: String
  package var architecture: String
  package var toolchain: String

  package init(
    host: String, cores: Int, operatingSystem: String, architecture: String, toolchain: String
  ) {
    self.host = host
    self.cores = cores
    self.operatingSystem = operatingSystem
    self.architecture = architecture
    self.toolchain = toolchain
  }

  package static var current: Machine {
    var names = utsname()
    uname(&names)
    return Machine(
      host: text(&names.nodename), cores: ProcessInfo.processInfo.activeProcessorCount,
      operatingSystem:
        "\(text(&names.sysname)) \(text(&names.release)), "
        + ProcessInfo.processInfo.operatingSystemVersionString,
      architecture: text(&names.machine), toolchain: compiler)
  }

  private static func text<Field>(_ field: inout Field) -> String {
    withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private static var compiler: String {
    #if swift(>=6.4)
      "Swift 6.4 or later"
    #elseif swift(>=6.3)
      "Swift 6.3"
    #else
      "Swift 6.2"
    #endif
  }
}
