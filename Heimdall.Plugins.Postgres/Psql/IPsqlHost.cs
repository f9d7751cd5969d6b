using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Psql;

/// <summary>What a script's psql commands are done to: a run of the script, or a check of it before.</summary>
internal interface IPsqlHost
{
    /// <summary>Whether nothing more is to be read.</summary>
    bool HasStopped { get; }

    /// <summary>Writes a line of the script's own into the log.</summary>
    void Say(string line, bool isWarning);

    /// <summary>Writes into the log that a command is skipped, or done otherwise than by psql.</summary>
    void Note(PsqlCommand command, string text);

    /// <summary>Records what the script may not do.</summary>
    /// <exception cref="ScriptException">The script is run, and ends here.</exception>
    void Refuse(ScriptLocation place, string? file, string message);

    /// <summary>Records an error of psql's own, which counts as a statement's does.</summary>
    ValueTask FailAsync(PsqlCommand command, string message);

    /// <summary>Waits until all statements are answered that were returned before.</summary>
    ValueTask SettleAsync();

    /// <summary>
    /// Called where psql sends a text that holds no statement. It does nothing, and succeeds: psql's variables of
    /// results are those of it.
    /// </summary>
    void OnNothingSent();

    /// <summary>Called when <c>ON_ERROR_STOP</c> has changed; all statements before are answered.</summary>
    void OnErrorModeChanged();

    /// <summary>
    /// Called where what follows depends on what the server answers, so that nothing can begin in the script's middle.
    /// </summary>
    /// <param name="name">The command or variable that makes it so.</param>
    /// <param name="place">Where it stands.</param>
    /// <param name="file">In which file; null for the job's own script.</param>
    void TakeAnswers(string name, ScriptLocation place, string? file);

    /// <inheritdoc cref="ScriptScanner.LeavesOutTerminator"/>
    bool LeavesOutTerminator(ScriptLocation place);

    /// <summary>Finds a file that the script reads.</summary>
    /// <param name="path">Below the directory of scripts.</param>
    /// <param name="command">The command that names it.</param>
    /// <returns>It, from its beginning; null when it was refused.</returns>
    ValueTask<Stream?> OpenAsync(string path, bool isScript, PsqlCommand command);

    /// <summary>Makes the session what a new one would be.</summary>
    ValueTask ReconnectAsync(PsqlCommand command);
}
