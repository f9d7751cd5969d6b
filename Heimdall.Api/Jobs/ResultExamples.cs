namespace Heimdall.Api.Jobs;

/// <summary>Replies that are no JSON, as the OpenAPI document shows them.</summary>
internal static class ResultExamples
{
    public const string Csv = "id,name\r\n1,Ada\r\n2,\r\n";

    public const string Ndjson =
        """
        {"columns":[{"name":"id","type":"int4"},{"name":"name","type":"text"}]}
        [1,"Ada"]
        [2,null]
        {"total_rows":2,"row_count":2,"truncated":false,"status":"SUCCEEDED"}

        """;

    public const string NdjsonOfQuery =
        """
        {"id":"01980f3e-0000-7000-8000-000000000000","name":"people","columns":[{"name":"id","type":"int4"}]}
        [1]
        {"row_count":1,"truncated":false,"status":"SUCCEEDED"}

        """;

    public const string Stdout = "1 line 1: CREATE TABLE, 3 ms\n";

    public const string Stderr = "NOTICE: table \"people\" does not exist, skipping\n";

    public const string Events =
        """
        event: status
        id: 0.0
        data: {"id":"01980f3e-0000-7000-8000-000000000000","status":"RUNNING","attempt":1}

        event: end
        id: end
        data: {}


        """;
}
