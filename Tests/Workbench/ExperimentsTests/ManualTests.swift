import Environments
import Faults
import Foundation
import Testing
import Workloads

@testable import Experiments

/// `experiments/README.md` is the manual of the format: it names every field, and the parser of
/// experiments must accept its examples.
@Suite("Manual of the format")
struct ManualTests {
  private let text: String
  /// The file that examples would stand in, to which names of other files are relative.
  private let file: String

  init() throws {
    var folder = URL(filePath: #filePath)
    for _ in 0..<4 { folder.deleteLastPathComponent() }
    folder.append(path: "experiments")
    text = try String(contentsOf: folder.appending(path: "README.md"), encoding: .utf8)
    file = folder.appending(path: "x.json5").path
  }

  private func check(_ text: String) {
    #expect(throws: Never.self, "\(text)") { _ = try ExperimentPlan.read(text: text, file: file) }
  }

  /// Rows of the tables whose second column is `example`: the header of the first column, the
  /// field, and the example.
  private var examples: [(table: String, field: String, example: String)] {
    var table: String?
    return text.split(separator: "\n", omittingEmptySubsequences: false).compactMap { line in
      guard line.hasPrefix("| ") else {
        table = nil
        return nil
      }
      let cells = line.components(separatedBy: " | ").map {
        $0.trimmingCharacters(in: ["|", " ", "`"])
      }
      guard cells.count == 3 else { return nil }
      if cells[1] == "example" {
        table = cells[0].filter { $0 != "`" }
        return nil
      }
      guard let table, !cells[0].hasPrefix("---") else { return nil }
      return (table, cells[0], cells[1])
    }
  }

  private func experiment(_ table: String, _ example: String) -> String {
    switch table {
    case "field of workload": "{ name: \"x\", workload: { \(example) } }"
    case "field of network": "{ name: \"x\", network: { \(example) } }"
    case "field of a group": "{ name: \"x\", workload: { groups: [{ \(example) }] } }"
    case "field of overload": "{ name: \"x\", overload: { \(example) } }"
    case "fault": "{ name: \"x\", faults: [\(example)] }"
    default: example.hasPrefix("name:") ? "{ \(example) }" : "{ name: \"x\", \(example) }"
    }
  }

  @Test("Every example is a valid experiment")
  func examplesAreValid() throws {
    #expect(examples.count >= 60)
    for row in examples {
      check(experiment(row.table, row.example))
    }
  }

  @Test("Every block of JSON5 is a valid experiment")
  func blocksAreValid() throws {
    let blocks = text.components(separatedBy: "```json5\n").dropFirst()
      .map { $0.components(separatedBy: "```")[0] }
    #expect(!blocks.isEmpty)
    for block in blocks {
      check(block)
    }
  }

  @Test(
    "Every field has a row with an example",
    arguments: [
      ("field", Experiment.keyNames), ("field of workload", WorkloadSpec.keyNames),
      ("field of network", NetworkModel.keyNames),
      ("field of a group", ClientGroupSection.keyNames),
      ("field of overload", OverloadSection.keyNames), ("fault", FaultTable.kinds),
    ])
  func fieldsAreComplete(table: String, fields: [String]) {
    let named = Set(examples.filter { $0.table == table }.map(\.field))
    #expect(fields.filter { !named.contains($0) } == [])
  }
}
