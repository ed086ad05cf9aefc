import Configuration
import Experiments
import Results

/// The command that runs one trial of a run again, alone.
struct Replay: Sendable {
  /// The words of the run's own command that decide what its trials are, from the file on.
  private let words: [String]

  init(_ arguments: Arguments) {
    var words = arguments.positional.prefix(1).map { $0 }
    for flag in ["--runtime", "--hosts"] {
      if let value = arguments[flag] { words += [flag, value] }
    }
    self.words = words + arguments.all("--set").flatMap { ["--set", $0] }
  }

  /// Of a run whose command is not known, by its resolved experiment.
  init(file: String) { words = [file] }

  /// The seed of a trial decides it, whatever its number is, so one trial with that seed is enough. It goes to a
  /// directory of its own.
  func command(_ plan: ExperimentPlan, _ place: TrialPlace, seed: UInt64) -> String {
    let point = plan.points[place.point]
    var words = ["rsmbench", "run"] + words
    if case .protocol(let row) = point.experiment.contenders[place.protocolIndex] {
      words += ["--set", "protocols=[\(row.rowJSON.compactText)]"]
      // Both may name rows that are not run.
      if plan.experiment.baseline != nil { words += ["--set", "baseline=null"] }
      if !plan.experiment.expect.isEmpty { words += ["--set", "expect=[]"] }
    }
    if !point.values.isEmpty { words += ["--set", "sweep={}"] }
    if plan.experiment.search != nil { words += ["--set", "find=null"] }
    for value in point.values where !value.text.isEmpty && !value.path.hasPrefix("protocols") {
      words += ["--set", "\(value.path)=\(value.text)"]
    }
    words += ["--seed", "\(seed)", "--trials", "1", "--out", "replay", "--force"]
    return words.map(Replay.quoted).joined(separator: " ")
  }

  /// As a shell reads it.
  static func quoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.unicodeScalars.allSatisfy {
        switch $0 {
        case "A"..."Z", "a"..."z", "0"..."9", ".", "_", "-", "/", "=", ":", ",", "+": true
        default: false
        }
      }
    return isPlain ? word : "'" + word.replacing("'", with: #"'\''"#) + "'"
  }
}
