SELECT strftime(since::DATE, '%Y-%m') AS month,
       count(*) AS customers,
       count(*) FILTER (json_contains(sources, '"crm"')) AS crm,
       count(*) FILTER (json_contains(sources, '"survey"')) AS survey,
       count(*) FILTER (json_contains(sources, '"web"')) AS web,
       count(*) FILTER (json_array_length(sources) > 1) AS several
FROM customers
WHERE _deleted_at IS NULL
GROUP BY month
ORDER BY month DESC
LIMIT 12
