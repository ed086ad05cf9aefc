import Configuration
import Experiments
import Results

/// The command that runs a single trial of a run again.
struct Replay: Sendable {
  /// The words of the run's own command that determine its trials, starting with the file.
  private let words: [String]

  init(_ arguments: Arguments) {
    var words = arguments.positional.prefix(1).map { $0 }
    for flag in ["--runtime", "--hosts"] {
      if let value = arguments[flag] { words += [flag, value] }
    }
    self.words = words + arguments.all("--set").flatMap { ["--set", $0] }
  }

  /// For a run whose command is not known: replays from its resolved experiment.
  init(file: String) { words = [file] }

  /// One trial with the seed is enough, because the seed alone determines a trial, whatever its
  /// number. The replay writes to a directory of its own.
  func command(_ plan: ExperimentPlan, _ place: TrialPlace, seed: UInt64) -> String {
    let point = plan.points[place.point]
    var words = ["rsmbench", "run"] + words
    if case .protocol(let row) = point.experiment.contenders[place.protocolIndex] {
      words += ["--set", "protocols=[\(row.rowJSON.compactText)]"]
      // Both may name rows that the replay does not run.
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

  /// The word quoted for a shell.
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
