import Foundation
import Histories
import Linearizability

extension Command {
  static let check = Command(
    name: "check",
    synopsis: "check FILE [--model NAME] [--budget N] [--format table|json]",
    meaning:
      "Checks whether a recorded history is linearizable; \"-\" reads standard input.",
    notes: """
      A history is Jepsen's EDN (a map per line, or a vector of maps), Jepsen's old text log, or
      what 'rsmbench run --history' writes. Operations are :read, :get, :write, :put, :append,
      :delete and :cas [expected new]; the key is :key or the first of a :value of two. A :txn
      either reads keys at one moment, [[:r 1 nil] [:r 2 nil]], or writes one, [[:w 1 7]]. :ok
      happened, :fail did not; :info, or no completion, is unknown: the operation may have happened
      at any time after its call, or never. A process is not used again after :info. The nemesis
      is skipped. A key starts without a value.

      exit codes: 0 linearizable, 1 violated, 2 bad usage, a bad file, or one without any
      operation, 3 undecided
      """,
    flags: {
      [
        Flag(
          name: "--model", value: HistoryModel.allCases.map(\.rawValue).joined(separator: "|"),
          meaning: "which operations there may be (default: guessed from them)"),
        Flag(
          name: "--budget", value: "N",
          meaning: "states a search may remember, 100 bytes each (default "
            + "\(SearchBudget().configurations))"),
        Flag(name: "--format", value: "table|json", meaning: "how to print (default table)"),
      ]
    },
    execute: { arguments in
      let format = try arguments.choice("--format", of: ["table", "json"]) ?? "table"
      let asked = try arguments.choice("--model", of: HistoryModel.self)
      var budget = SearchBudget()
      if let states = try arguments.integer("--budget", in: 1...1_000_000_000) {
        budget = SearchBudget(configurations: states, steps: max(budget.steps, 250 * states))
      }
      guard let file = arguments.positional.first, !file.isEmpty else {
        throw UsageError("which history? Give a file, or - for standard input")
      }
      guard arguments.positional.count == 1 else {
        throw UsageError(
          "one history at a time: found \"\(arguments.positional[1])\" behind \"\(file)\"")
      }
      let name = file == "-" ? "standard input" : file
      let bytes = try read(file)
      let history: RecordedHistory
      do throws(HistoryError) {
        history = try RecordedHistory(bytes)
      } catch {
        throw UsageError("\(name): \(error)")
      }
      guard !history.operations.isEmpty else {
        throw UsageError("\(name): found no operation, so there is nothing to check")
      }
      let model = asked ?? HistoryModel(guessedFrom: history)
      try model.admit(history, in: name)
      let verdict = ConsistencyCheck(budget: budget).verdict(
        of: history.operations, scans: history.scans)
      let report = CheckReport(
        file: name, history: history, model: model, isGuessed: asked == nil, verdict: verdict)
      try Console.print(format == "json" ? report.json : report.text, terminator: "")
      return report.exitCode
    })

  /// The bytes of a file, or of standard input.
  private static func read(_ file: String) throws -> [UInt8] {
    do {
      let handle =
        file == "-"
        ? FileHandle.standardInput : try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
      return Array(try handle.readToEnd() ?? Data())
    } catch {
      throw UsageError("cannot read \(file == "-" ? "standard input" : file): \(reason(error))")
    }
  }

  private static func reason(_ error: any Error) -> String {
    let error = error as NSError
    let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
    return cause.domain == NSPOSIXErrorDomain
      ? String(cString: strerror(Int32(cause.code))) : error.localizedDescription
  }
}

/// The kinds of operations that a history may have.
enum HistoryModel: String, CaseIterable {
  case register
  case casRegister = "cas-register"
  case keyValue = "key-value"

  var kinds: [OperationKind] {
    switch self {
    case .register: [.get, .put]
    case .casRegister: [.get, .put, .compareAndSwap]
    case .keyValue: OperationKind.allCases
    }
  }

  /// The smallest model that admits all operations; `:get` and `:put` mean a store.
  init(guessedFrom history: RecordedHistory) {
    let kinds = history.firstLines.keys
    self =
      history.isOfStore || kinds.contains(.append) || kinds.contains(.delete)
        || kinds.contains(.scan)
      ? .keyValue : kinds.contains(.compareAndSwap) ? .casRegister : .register
  }

  /// - Throws: an error that names the first operation that the model does not admit.
  func admit(_ history: RecordedHistory, in file: String) throws(UsageError) {
    let foreign = history.firstLines.filter { !kinds.contains($0.key) }
    guard let (kind, line) = foreign.min(by: { $0.value < $1.value }) else { return }
    throw UsageError(
      "\(file): line \(line): found \(article(kind.name)), allowed by --model \(rawValue): "
        + kinds.map(\.name).joined(separator: ", "))
  }

  private func article(_ name: String) -> String { (name == "append" ? "an " : "a ") + name }
}
