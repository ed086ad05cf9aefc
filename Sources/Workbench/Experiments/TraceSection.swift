import Configuration
import Foundation
import Histories
import Primitives
import Replication
import Workloads

/// `workload.trace`: the name of a CSV file with a column for each of `columns`, relative to the
/// experiment file; or the file and its checksum, as resolved experiments have them.
struct TraceSection {
  static let columns = ["time_us", "key", "operation", "size"]
  /// Fields of a workload that a trace decides.
  static let replaced = [
    "preset", "arrival", "mix", "keys", "distribution", "thinkTime", "scanLength",
  ]
  private static let mostBytes = 1 << 30
  private static let mostOperations = 10_000_000

  let file: String
  let checksum: String?

  init(_ node: ConfigValue) throws(ExperimentError) {
    let allowed = #"the name of a CSV file, such as "trace.csv""#
    guard case .object = node.value else {
      (file, checksum) = (try TraceSection.name(node, allowed), nil)
      return
    }
    let section = try Section(node, path: node.path, known: ["file", "crc32c"])
    file = try TraceSection.name(section.required("file", allowed), allowed)
    checksum = try section["crc32c"]?.string("a checksum of eight hexadecimal digits")
  }

  private static func name(_ node: ConfigValue, _ allowed: String) throws(ExperimentError) -> String
  {
    let name = try node.string(allowed)
    guard !name.isEmpty else { throw node.refused(allowed) }
    return name
  }

  /// - Parameter folder: the folder of the experiment file.
  func path(in folder: String) -> String {
    file.hasPrefix("/") || folder.isEmpty ? file : "\(folder)/\(file)"
  }

  /// Reads the bytes of the file and checks them against the checksum, if there is one.
  func bytes(in folder: String) throws(ExperimentError) -> (bytes: [UInt8], checksum: String) {
    let path = path(in: folder)
    let bytes = try SourceText.bytes(
      of: path, "a readable CSV file with the operations of workload.trace",
      atMost: TraceSection.mostBytes)
    let digits = String(bytes.withUnsafeBytes { CRC32C.checksum($0) }, radix: 16)
    let found = String(repeating: "0", count: 8 - digits.count) + digits
    guard checksum == nil || checksum == found else {
      throw ExperimentError(
        file: path, path: "", found: "a file with the checksum \(found)",
        allowed: "the one that the experiment was resolved with (crc32c \(checksum ?? ""))")
    }
    return (bytes, found)
  }

  func read(in folder: String) throws(ExperimentError) -> OperationTrace {
    let (bytes, checksum) = try bytes(in: folder)
    var reader = TraceReader(bytes, file: path(in: folder))
    try reader.readAll(atMost: TraceSection.mostOperations)
    return OperationTrace(
      file: file, checksum: checksum, entries: reader.entries, times: reader.times,
      keys: reader.keys.count)
  }

  static func json(_ trace: OperationTrace) -> JSONValue {
    .object([.init("file", .string(trace.file)), .init("crc32c", .string(trace.checksum))])
  }
}

/// Reads the operations of a trace line by line.
private struct TraceReader {
  private let file: String
  private var reader: CSVReader
  /// The line of the record that is being read.
  private var line = 1
  private(set) var entries: [OperationTrace.Entry] = []
  /// By the trial's clock.
  private(set) var times: [Instant] = []
  /// The keys' numbers, in the order of their first appearance.
  private(set) var keys: [String: UInt32] = [:]

  init(_ bytes: [UInt8], file: String) {
    self.file = file
    reader = CSVReader(bytes)
  }

  mutating func readAll(atMost limit: Int) throws(ExperimentError) {
    let header = "a header line with the columns " + TraceSection.columns.joined(separator: ",")
    guard let names = try record() else { throw refused("an empty file", header) }
    for name in names where !TraceSection.columns.contains(name) {
      throw refused(
        ConfigValue.shown(.string(name)), header, nearest(to: name, among: TraceSection.columns))
    }
    func index(_ name: String) -> Int? { names.firstIndex(of: name) }
    for name in TraceSection.columns where names.count(where: { $0 == name }) > 1 {
      throw refused("\(name) twice", header)
    }
    guard let time = index("time_us"), let key = index("key"), let kind = index("operation") else {
      throw refused(names.joined(separator: ","), header + " (size may be left out)")
    }
    let size = index("size")
    while let fields = try record() {
      guard fields.count == names.count else {
        throw refused("\(fields.count) fields", "\(names.count), as in the header line")
      }
      guard entries.count < limit else {
        throw refused("more operations", "at most \(limit) operations")
      }
      times.append(try self.time(fields[time]))
      let entryKind = try self.kind(fields[kind])
      entries.append(
        OperationTrace.Entry(
          key: try number(of: fields[key]), kind: entryKind,
          size: try size.flatMap { (size) throws(ExperimentError) in
            try self.size(fields[size], entryKind)
          }))
    }
    guard !entries.isEmpty else { throw refused("no operation", "at least one line of them") }
  }

  private mutating func record() throws(ExperimentError) -> [String]? {
    do throws(CSVError) {
      guard let record = try reader.next() else { return nil }
      line = record.line
      return record.fields
    } catch {
      line = error.line
      throw refused(
        error.problem.hasPrefix("found ") ? String(error.problem.dropFirst(6)) : error.problem,
        "CSV as RFC 4180 has it")
    }
  }

  private func refused(
    _ found: String, _ allowed: String, _ suggestion: String? = nil
  ) -> ExperimentError {
    ExperimentError(
      file: file, path: "line \(line)", found: found, allowed: allowed, suggestion: suggestion)
  }

  private func time(_ text: String) throws(ExperimentError) -> Instant {
    guard let quantity = Quantity(text + "us"), !quantity.negative, quantity.unit == "us",
      case .exact(let timeNs) = quantity.count(in: Unit.durations), timeNs <= Int64(3.6e12)
    else {
      throw refused(
        ConfigValue.shown(.string(text)),
        "a time_us since the trial's start, in microseconds, up to an hour, such as 1500 or 1500.25"
      )
    }
    let time = Instant(nanoseconds: timeNs)
    guard time >= times.last ?? .zero else {
      throw refused("time_us \(text) after a later one", "times in ascending order")
    }
    return time
  }

  private func kind(_ text: String) throws(ExperimentError) -> OperationKind {
    let kinds = OperationKind.allCases.filter { $0 != .scan }
    let names = kinds.map(\.name)
    guard let kind = kinds.first(where: { $0.name == text }) else {
      throw refused(
        ConfigValue.shown(.string(text)),
        "an operation: " + names.joined(separator: ", ")
          + (text == OperationKind.scan.name ? " (a line has one key, and a scan has many)" : ""),
        nearest(to: text, among: names))
    }
    return kind
  }

  private mutating func number(of key: String) throws(ExperimentError) -> UInt32 {
    guard !key.isEmpty else { throw refused("an empty key", "a text that names the key") }
    if let number = keys[key] { return number }
    let number = UInt32(keys.count)
    keys[key] = number
    return number
  }

  /// The size of the value that a read found, which some traces have, is passed over.
  private func size(_ text: String, _ kind: OperationKind) throws(ExperimentError) -> Int? {
    guard !text.isEmpty, kind != .get, kind != .delete else { return nil }
    let range = ValueSize.smallest...ValueSize.largest
    guard let size = Int(text), range.contains(size) else {
      throw refused(
        ConfigValue.shown(.string(text)),
        "a size in bytes from \(range.lowerBound), so that every value can be unique, to "
          + "\(range.upperBound); or nothing for workload.valueSize")
    }
    return size
  }
}
