import InProcess
import ProtocolList
import Replication

extension Benchmark {
  /// Cores alone: three replicas in one thread, messages handed over in memory, no disk, no network, no
  /// application. Committed client updates per second of wall time at the replica in charge, all
  /// replicas keeping up, with `size` updates of 256 bytes in each batch. Building the batches counts.
  static func core(_ kind: ProtocolKind, batch size: Int) -> Benchmark {
    Benchmark(name: "core.\(kind.name).batch\(size)", unit: "ops/s") {
      var visitor = CoreVisitor(kind: kind, size: size)
      return kind.visit(&visitor)
    }
  }
}

struct CoreVisitor: ProtocolVisitor {
  let kind: ProtocolKind
  let size: Int

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> (work: Double, seconds: Double) {
    var cluster = InProcessCluster<Core>(
      membership: kind.membership(replicas: 3), options: Core.Options(), keepsHistory: false)
    let leader = elect(&cluster)
    let rounds = size == 1 ? 100_000 : 8_000
    let before = cluster.nodes[leader.index].committedRequests
    let command = Payload(bytes: [UInt8](repeating: 7, count: 256))
    var builder = BatchBuilder()
    var sequence: UInt64 = 0
    let seconds = Benchmark.time {
      for _ in 0..<rounds {
        for client in 0..<size {
          sequence += 1
          builder.append(
            RequestID(client: ClientID(UInt64(client)), sequence: sequence), command)
        }
        cluster.handle(.requested(builder.build()), at: leader)
        cluster.run()
      }
    }
    let committed = cluster.nodes[leader.index].committedRequests - before
    precondition(committed >= rounds * size * 99 / 100, "\(kind.name) lost updates")
    return (Double(committed), seconds)
  }

  /// Fires timers, those of replicas first in turn, until a replica is in charge and stays so.
  private func elect<Core: ReplicaCore>(_ cluster: inout InProcessCluster<Core>) -> ReplicaID {
    for round in 0..<2_000 {
      cluster.run()
      let inCharge = cluster.membership.replicas.first {
        cluster.nodes[$0.index].core.status.isInCharge
      }
      if let inCharge, round > 200 { return inCharge }
      let node = ReplicaID(inCharge == nil ? round % cluster.membership.nodeCount : round % 3)
      if inCharge == nil || node != inCharge {
        guard inCharge == nil || cluster.membership.authority.isEmpty == false else {
          return inCharge!
        }
      }
      fireNext(&cluster, at: node)
    }
    preconditionFailure("\(kind.name) put nobody in charge")
  }

  /// Fires the node's timer that is due first.
  private func fireNext<Core: ReplicaCore>(
    _ cluster: inout InProcessCluster<Core>, at id: ReplicaID
  ) {
    var next: (timer: Int, delay: Interval)?
    for (timer, range) in cluster.nodes[id.index].timers.enumerated() {
      if let range, next.map({ range.lowerBound < $0.delay }) ?? true {
        next = (timer, range.lowerBound)
      }
    }
    if let next { cluster.fire(Core.Timer(index: next.timer), at: id) }
  }
}

/// A command of nothing but bytes.
struct Payload: WireCodable, Equatable, Sendable {
  var bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }
  var encodedByteCount: Int { bytes.count }
  func encode(into writer: inout WireWriter) { writer.write(bytes) }
  init(from reader: inout WireReader) throws(WireError) {
    bytes = try reader.readBytes(reader.remaining)
  }
}
