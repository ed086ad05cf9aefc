import Faults
import Foundation
import Histories
import Measurement
import Replication
import Trials

@testable import Results

let ms: Int64 = 1_000_000

/// Two protocols, two sweep points, three trials.
let outline = RunOutline(
  name: "leader-crash", seed: 7, protocols: ["raft", "chain-replication"], trials: 3,
  sweepPaths: ["workload.clients", "workload.valueSize"], points: [["8", "128B"], ["64", "1KiB"]])

/// One second of operations every few milliseconds, alternately gets and puts, with a crash in the
/// middle during which no operation is answered. All values differ a little from place to place.
func observation(_ place: TrialPlace) -> TrialRecord {
  let step = Int64(2 + place.point)
  let latency = Int64(1 + place.protocolIndex) * ms + Int64(place.trial) * 1_237
  let down = 400 * ms..<(460 + Int64(place.trial) * 10) * ms
  let operations = stride(from: Int64(0), to: 1_000, by: Int(step)).map { t in
    let isRead = t / step % 2 == 0
    let isLost = down.contains(t * ms)
    return Operation(
      client: UInt32(t % 3), kind: isRead ? .get : .put, key: UInt32(t % 5),
      argument: isRead ? .absent : ValueDigest(hash: UInt64(t), length: 8),
      outcome: isLost ? .unknown : .ok, invoked: t * ms, returned: t * ms + (isLost ? ms : latency))
  }
  return TrialRecord(
    operations: operations, warmUpEndNs: 100 * ms, measuredEndNs: 1_000 * ms, clients: 3,
    faults: [
      InjectedFault(
        kind: "crash", target: "leader", nodes: [0], startNs: 400 * ms, endNs: 450 * ms,
        disk: .torn),
      InjectedFault(
        kind: "partition", target: "minority,\"x\"", nodes: [0, 2], startNs: 950 * ms),
    ],
    nodes: (0..<3).map {
      NodeUsage(
        node: $0, messagesSent: 1_000 * ($0 + 1), messagesReceived: 999, bytesSent: 123_456,
        bytesReceived: 7, syncs: 100, bytesWritten: 1 << 20, busyNs: 123_456_789,
        logRecords: 500)
    },
    leadership: [
      LeadershipSample(timeNs: 0, leader: 0, epoch: 1),
      LeadershipSample(timeNs: 450 * ms, leader: nil, epoch: 2),
      LeadershipSample(timeNs: 500 * ms, leader: 1, epoch: .max),
    ])
}

func finished(
  _ place: TrialPlace, _ verdict: TrialVerdict = TrialVerdict(word: .linearizable)
) -> FinishedTrial {
  let seen = observation(place)
  let settings = MeasurementSettings(
    window: .milliseconds(50), sloLatency: .milliseconds(20), isOpenLoop: true)
  return FinishedTrial(
    place: place, seed: 0xFFFF_FFFF_FFFF_FF00 + UInt64(place.trial), observation: seen,
    metrics: TrialMetrics(seen, settings), verdict: verdict)
}

let allTrials = outline.places.map { finished($0) }

/// Creates a directory for the test, and removes it after the test.
func inTemporaryDirectory(_ body: (String) throws -> Void) throws {
  let path = NSTemporaryDirectory() + "results-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  try body(path)
}

/// Reads RFC 4180 strictly: nil if a record does not end in CRLF or quotes are misplaced.
func parseCSV(_ bytes: [UInt8]) -> [[String]]? {
  var records: [[String]] = []
  var record: [String] = []
  var field: [UInt8] = []
  var i = 0
  let quote = UInt8(ascii: "\"")
  while i < bytes.count {
    if bytes[i] == quote {
      guard field.isEmpty else { return nil }
      i += 1
      while true {
        guard i < bytes.count else { return nil }
        if bytes[i] == quote {
          guard i + 1 < bytes.count else { return nil }
          if bytes[i + 1] != quote { break }
          i += 1
        }
        field.append(bytes[i])
        i += 1
      }
      i += 1
      guard i < bytes.count, [UInt8(ascii: ","), UInt8(ascii: "\r")].contains(bytes[i]) else {
        return nil
      }
    }
    switch bytes[i] {
    case UInt8(ascii: ","):
      record.append(String(decoding: field, as: UTF8.self))
      field = []
    case UInt8(ascii: "\r"):
      guard i + 1 < bytes.count, bytes[i + 1] == UInt8(ascii: "\n") else { return nil }
      i += 1
      records.append(record + [String(decoding: field, as: UTF8.self)])
      record = []
      field = []
    case UInt8(ascii: "\n"): return nil
    default: field.append(bytes[i])
    }
    i += 1
  }
  return record.isEmpty && field.isEmpty ? records : nil
}
