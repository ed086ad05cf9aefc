import HostTesting
import Raft
import RedisClients
import Replication
import Resp
import Testing

@Suite struct FailoverTests {
  @Test("Clients notice neither which node is in charge nor that it dies")
  func failover() async throws {
    try await onThread {
      let stage = try Stage(RaftReplica.self, replicas: 3)
      stage.startAll()
      let client = try stage.client()
      #expect(try client.ask("SET", "a", "1") == .ok)
      for round in 2...4 {
        var leader: Int?
        while leader == nil {
          let nodes = try client.info("replication")
          leader = (0..<3).first { nodes["node\($0)"]?.contains("in_charge=1") == true }
        }
        stage.stop(leader!)
        #expect(try client.ask("INCR", "a") == .integer(Int64(round)))
        #expect(try client.ask("GET", "a") == .text("\(round)"))
        stage.start(leader!)
        #expect(try stage.client().ask("GET", "a") == .text("\(round)"))
      }
    }
  }
}
