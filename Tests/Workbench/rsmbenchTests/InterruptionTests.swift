import Foundation
import HostTesting
import Replication
import Testing

/// Ctrl-C in the middle of a run, and resuming the run.
@Suite struct InterruptionTests {
  private let space: Workspace

  init() throws {
    space = try Workspace()
    try space.write(
      tiny().replacing("trials: 2", with: "trials: 12"), to: "long.json5")
  }

  /// Waits until the program has kept `count` trials, and then sends it a signal.
  private func signal(
    _ number: Int32, after count: Int
  ) -> @Sendable (Process) -> Void {
    let fragments = space.url("results/tiny-1/.trials").path
    return { process in
      eventually(within: .seconds(240)) {
        // Counts the fragments of trials and the file that identifies their run.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: fragments)) ?? []
        return !process.isRunning
          || names.count { $0.hasSuffix(".json") && !$0.hasPrefix(".") } > count
      }
      if process.isRunning { kill(process.processIdentifier, number) }
    }
  }

  @Test("Ctrl-C keeps the finished trials, and --resume completes the run to the same bytes")
  func interruptAndResume() async throws {
    let stopped = try await space.rsmbench(
      list: ["run", "long.json5", "--jobs", "1"], meanwhile: signal(SIGINT, after: 3))
    #expect(stopped.status == 130)
    #expect(!stopped.diedOfSignal)
    let last = try #require(stopped.errorLines.last)
    #expect(last.hasPrefix("rsmbench: interrupted; "))
    #expect(last.hasSuffix(" of 24 trials are kept in results/tiny-1, --resume continues"))
    #expect(try space.text("results/tiny-1/manifest.json").contains(#""complete": false"#))
    let kept = rows(try space.text("results/tiny-1/trials.csv"))
    #expect((3..<24).contains(kept.count))
    let left = try space.files("results/tiny-1")
    #expect(!left.keys.contains { $0.contains(".writing-") })

    // Neither a plain run nor another experiment or seed may change the directory.
    let refused = try await space.rsmbench("run", "long.json5")
    #expect(refused.status == 2)
    #expect(refused.errors.contains("holds an unfinished run; use --resume"))
    let other = try await space.rsmbench("run", "long.json5", "--resume", "--set", "replicas=5")
    #expect(other.status == 2)
    #expect(other.errors.contains("it was begun with another experiment or seed"))
    let longer = try await space.rsmbench("run", "long.json5", "--resume", "--set", "trials=13")
    #expect(longer.status == 2)
    #expect(try space.files("results/tiny-1") == left)

    let resumed = try await space.rsmbench("run", "long.json5", "--resume")
    #expect(resumed.status == 0)
    let whole = try await space.rsmbench("run", "long.json5", "--out", "whole", "--quiet")
    #expect(whole.status == 0)
    #expect(try space.tables("results/tiny-1") == space.tables("whole/tiny-1"))
    #expect(try space.names("results/tiny-1") == space.names("whole/tiny-1"))
    #expect(resumed.output == whole.output)

    let again = try await space.rsmbench("run", "long.json5", "--resume")
    #expect(again.status == 2)
    #expect(again.errors == "rsmbench: there is no unfinished run to resume in results/tiny-1\n")
  }

  /// The default, and twice the number of processors, with which no other thread of the program
  /// gets a free processor.
  private static let jobs = [1, 2].map { $0 * ProcessInfo.processInfo.activeProcessorCount }

  @Test(
    "Ctrl-C and SIGTERM stop a run that uses all processors", arguments: [SIGINT, SIGTERM], jobs)
  func allProcessors(number: Int32, jobs: Int) async throws {
    // The trials are so long that none would end if the signal were handled only between trials.
    let run = try await space.rsmbench(
      list: [
        "run", "long.json5", "--jobs", "\(jobs)", "--trials", "100", "--set", "duration=600s",
        "--set", "check=none",
      ], meanwhile: signal(number, after: 0))
    #expect(run.status == 130)
    #expect(!run.diedOfSignal)
    #expect(
      run.errorLines.last?.contains("interrupted; 0 of 200 trials are kept in results/tiny-1")
        == true, "\(run.errors)")
  }

  @Test("A second signal of either kind ends the program at once")
  func twice() async throws {
    let send = signal(SIGINT, after: 0)
    let run = try await space.rsmbench(
      list: ["run", "long.json5", "--trials", "100", "--set", "duration=600s"],
      meanwhile: { process in
        send(process)
        // Repeatedly, because the first one may come before the other signal has been handled.
        eventually {
          kill(process.processIdentifier, SIGTERM)
          return !process.isRunning
        }
      })
    #expect(run.diedOfSignal && run.status == SIGTERM)
  }

  @Test("A run directory belongs to one process at a time, and a dead process's lock vanishes")
  func lock() async throws {
    let first = try BackgroundProgram(
      space, ["run", "long.json5", "--trials", "100", "--set", "duration=600s"], errors: "errors")
    let begun = space.url("results/tiny-1/experiment.json5").path
    #expect(eventually { FileManager.default.fileExists(atPath: begun) })
    // The stopped process holds the directory without using a processor that other tests need.
    first.stop()
    let files = try space.names("results/tiny-1")
    for flag in ["--quiet", "--force", "--resume"] {
      let second = try await space.rsmbench("run", "long.json5", flag)
      #expect(second.status == 2)
      #expect(second.errors == "rsmbench: results/tiny-1 is in use by another process\n")
      #expect(try space.names("results/tiny-1") == files)
    }
    first.end(by: SIGKILL)
    let next = try await space.rsmbench("run", "long.json5", "--force", "--trials", "1", "--quiet")
    #expect(next.status == 0)
  }

  @Test("--resume starts the run if none was begun")
  func resumeNothing() async throws {
    let run = try await space.rsmbench("run", "long.json5", "--resume", "--trials", "1")
    #expect(run.status == 0)
    #expect(rows(try space.text("results/tiny-1/trials.csv")).count == 2)
  }

  @Test("A run ended by SIGKILL resumes from the trials that it kept")
  func killed() async throws {
    let stopped = try await space.rsmbench(
      list: ["run", "long.json5", "--trials", "6"], meanwhile: signal(SIGKILL, after: 1))
    #expect(stopped.diedOfSignal)
    let resumed = try await space.rsmbench("run", "long.json5", "--trials", "6", "--resume")
    #expect(resumed.status == 0)
    let whole = try await space.rsmbench("run", "long.json5", "--trials", "6", "--out", "whole")
    #expect(whole.status == 0)
    #expect(try space.tables("results/tiny-1") == space.tables("whole/tiny-1"))
  }

  @Test("A trial whose check gave up makes the run undecided: exit code 3")
  func undecided() async throws {
    // The checker's budget is large, so a kept trial is edited to have the verdict of an exhausted
    // one.
    _ = try await space.rsmbench(
      list: ["run", "long.json5", "--jobs", "1"], meanwhile: signal(SIGINT, after: 1))
    let fragment = "results/tiny-1/.trials/raft-1-1.json"
    let text = try space.text(fragment)
    #expect(text.contains(#""word":"linearizable""#))
    try space.write(
      text.replacing(#""word":"linearizable""#, with: #""word":"undecided""#), to: fragment)
    let resumed = try await space.rsmbench("run", "long.json5", "--resume", "--quiet")
    #expect(resumed.status == 3)
    #expect(resumed.output.contains("undecided"))
    let verdicts = rows(try space.text("results/tiny-1/trials.csv")).column("verdict")
    #expect(verdicts.count == 24)
    #expect(verdicts.first == "undecided")
    #expect(try space.text("results/tiny-1/summary.csv").contains(",undecided"))
  }

  @Test("A damaged kept trial is refused by name and not counted")
  func damaged() async throws {
    _ = try await space.rsmbench(
      list: ["run", "long.json5", "--jobs", "1"], meanwhile: signal(SIGINT, after: 1))
    let fragment = "results/tiny-1/.trials/raft-1-1.json"
    try space.write(String(try space.text(fragment).prefix(100)), to: fragment)
    let resumed = try await space.rsmbench("run", "long.json5", "--resume", "--quiet")
    #expect(resumed.status == 2)
    #expect(
      resumed.errors
        == "rsmbench: cannot read \(fragment): it is damaged; use --force to start again\n")
  }
}
