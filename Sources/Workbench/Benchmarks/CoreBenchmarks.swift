import ProtocolList
import Replication
import SteppedCluster
import WireFormat

extension Benchmark {
  /// Cores alone: three replicas in one thread exchange messages in memory, without disk, network
  /// or application. Measures committed client updates per second of wall time at the replica in
  /// charge while all replicas keep up, with `size` updates of 256 bytes in each batch. Includes
  /// building the batches.
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

  /// Lets time pass until a replica is in charge, and further until an authority has seen all
  /// replicas.
  private func elect<Core: ReplicaCore>(_ cluster: inout InProcessCluster<Core>) -> ReplicaID {
    for _ in 0..<2_000 {
      cluster.run()
      guard cluster.fireNextTimer() else { break }
    }
    cluster.run()
    let leader = cluster.membership.replicas.first {
      cluster.nodes[$0.index].core.status.isInCharge
    }
    guard let leader else { preconditionFailure("\(kind.name) put nobody in charge") }
    return leader
  }
}

/// A command that consists of bytes only.
struct Payload: WireCodable, Equatable, Sendable {
  var bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }
  var encodedByteCount: Int { bytes.count }
  func encode(into writer: inout WireWriter) { writer.write(bytes) }
  init(from reader: inout WireReader) throws(WireError) {
    bytes = try reader.readBytes(reader.remaining)
  }
}
